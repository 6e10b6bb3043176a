//! The media that are sticks. What they are and who mounts them is the crate `ceremony_devices`.

mod sticks;

pub use ceremony_devices::{
    Bus, Client, Disk, FileSystem, Found, MountError, Mounted, Mounts, Number, Partition, Refusal,
    SOCKET, StickId, Unfit, Usb, boot, found, helper, is_boot_medium, keyboard, size, sysfs, wire,
};
pub use sticks::{Sticks, Tried};
