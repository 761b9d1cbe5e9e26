//! Git's frames: four hexadecimal digits of length, then the content (Git: `gitprotocol-common`).
//!
//! The crates that read them bring a score of others along for these few lines.

/// Longest frame, its length included.
const MAX_FRAME: usize = 65_520;

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// Content; a line break at its end is left out.
    Line(&'a [u8]),
    /// `0000`: the end of a message.
    Flush,
    /// `0001`: the end of a section.
    Delimiter,
    /// `0002`: the end of an answer.
    End,
}

/// Reads the frames of a message. What is no frame, or is cut off, is an error and the last item.
pub(super) fn frames(message: &[u8]) -> impl Iterator<Item = Result<Frame<'_>, &'static str>> {
    let mut rest = Some(message);
    std::iter::from_fn(move || {
        let message = rest.take().filter(|message| !message.is_empty())?;
        match frame(message) {
            Some((frame, tail)) => {
                rest = Some(tail);
                Some(Ok(frame))
            }
            None => Some(Err("the remote's answer is not in Git's frames, or is cut off")),
        }
    })
}

fn frame(message: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (frame, length) = first(message).ok()??;
    let tail = message.get(length..)?;
    match frame {
        Frame::Line(content) => Some((Frame::Line(content.strip_suffix(b"\n").unwrap_or(content)), tail)),
        mark @ (Frame::Flush | Frame::Delimiter | Frame::End) => Some((mark, tail)),
    }
}

/// The first frame of a message, its content as it is, and how many bytes it takes; `None` while it is not all there.
pub(super) fn first(message: &[u8]) -> Result<Option<(Frame<'_>, usize)>, &'static str> {
    const BAD: &str = "the remote's answer is not in Git's frames";
    let Some(digits) = message.get(..4) else { return Ok(None) };
    let digits = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let length = digits.and_then(|digits| usize::from_str_radix(digits, 16).ok());
    match length.filter(|length| *length <= MAX_FRAME && *length != 3).ok_or(BAD)? {
        0 => Ok(Some((Frame::Flush, 4))),
        1 => Ok(Some((Frame::Delimiter, 4))),
        2 => Ok(Some((Frame::End, 4))),
        length => Ok(message.get(4..length).map(|content| (Frame::Line(content), length))),
    }
}

/// Appends a line to a message; a line of ours is far shorter than a frame can be.
pub(super) fn write(message: &mut Vec<u8>, line: &str) {
    message.extend(format!("{:04x}{line}\n", line.len() + 5).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_is_read_up_to_what_is_no_frame() {
        let read = |message: &'static str| frames(message.as_bytes()).collect::<Vec<_>>();
        let bad = Err("the remote's answer is not in Git's frames, or is cut off");
        assert_eq!(read(""), []);
        assert_eq!(
            read("0006a\n0005b00040001000000020003"),
            [
                Ok(Frame::Line(b"a")),
                Ok(Frame::Line(b"b")),
                Ok(Frame::Line(b"")),
                Ok(Frame::Delimiter),
                Ok(Frame::Flush),
                Ok(Frame::End),
                bad
            ]
        );
        for wrong in ["000", "0006a", "+006a\n", "<htm", "fff1", "ffff", "00 6a\n"] {
            assert_eq!(read(wrong), [bad], "{wrong}");
        }
        assert_eq!(read("0005axxxx0000"), [Ok(Frame::Line(b"a")), bad]);
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_panic(message in prop::collection::vec(any::<u8>(), 0..200)) {
            let read: Vec<_> = frames(&message).collect();
            prop_assert!(read.len() <= message.len() / 4 + 1);
            prop_assert!(read.iter().rev().skip(1).all(Result::is_ok));
        }

        #[test]
        fn what_is_written_is_read(lines in prop::collection::vec("[^\n]{0,60}", 0..20)) {
            let mut message = Vec::new();
            lines.iter().for_each(|line| write(&mut message, line));
            let read: Vec<_> = frames(&message).map(Result::unwrap).collect();
            let expected: Vec<_> = lines.iter().map(|line| Frame::Line(line.as_bytes())).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
