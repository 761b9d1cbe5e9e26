//! OpenPGP pairs for tests.

pub(crate) use repoplane_tests::packages::key_pair as pair;
