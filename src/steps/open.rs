use crate::room::{Room, Stop};
pub(super) fn run(_room: &mut Room<'_>) -> Result<(), Stop> {
    Err(Stop::Aborting)
}
