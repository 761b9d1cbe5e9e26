//! Running the command that does a task.

use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// What is kept of the end of the command's output, in bytes; a result may have 64 KiB (docs/robot-tasks.md).
const TAIL: usize = 16 * 1024;
/// What the command is not to know.
const SECRETS: [&str; 4] = ["REPOPLANE_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its exit code; none when it was killed or ran out of time.
    pub(crate) code: Option<i32>,
    /// The end of what it wrote, standard output first.
    pub(crate) output: String,
}

/// Runs a command by `sh -c`, with a text on its standard input. It is ended when this is dropped.
///
/// # Errors
/// When it cannot be started.
pub(crate) async fn run(
    command: &str,
    input: &str,
    environment: &[(&str, &str)],
    limit: Duration,
) -> std::io::Result<Ended> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).envs(environment.iter().copied()).kill_on_drop(true);
    for name in SECRETS {
        shell.env_remove(name);
    }
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A command need not read its prompt to the end, or at all.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let whole = async { tokio::join!(write, tail(stdout), tail(stderr), child.wait()) };
    let Ok(((), stdout, stderr, status)) = tokio::time::timeout(limit, whole).await else {
        return Ok(Ended { code: None, output: "the command ran out of time".to_owned() });
    };
    let mut output = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    let cut = output.len().saturating_sub(TAIL);
    let cut = (cut..output.len()).find(|at| output.is_char_boundary(*at)).unwrap_or(cut);
    output.drain(..cut);
    Ok(Ended { code: status?.code(), output })
}

/// Reads to the end, and keeps the end.
async fn tail(source: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let Some(mut source) = source else { return Vec::new() };
    let (mut kept, mut buffer) = (Vec::new(), [0; 8192]);
    while let Ok(count) = source.read(&mut buffer).await {
        if count == 0 {
            break;
        }
        kept.extend_from_slice(&buffer[..count]);
        let cut = kept.len().saturating_sub(TAIL);
        kept.drain(..cut);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_command_reads_its_prompt_and_knows_its_task() {
        let ended = run("cat; echo $TASK >&2; exit 3", "do it\n", &[("TASK", "tsk_1")], LONG).await.unwrap();
        assert_eq!(ended, Ended { code: Some(3), output: "do it\ntsk_1\n".into() });
        let deaf = run("true", &"x".repeat(1 << 20), &[], LONG).await.unwrap();
        assert_eq!(deaf, Ended { code: Some(0), output: String::new() });
    }

    #[tokio::test]
    async fn the_end_of_a_long_output_is_kept() {
        let ended = run("yes ä | head -n 100000; echo end", "", &[], LONG).await.unwrap();
        assert!(ended.output.len() <= TAIL && ended.output.ends_with("ä\nend\n"));
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_is_ended() {
        let ended = run("exec sleep 60", "", &[], Duration::from_millis(50)).await.unwrap();
        assert_eq!(ended.code, None);
    }
}
