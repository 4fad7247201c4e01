//! A TAP interface of the host: Ethernet frames by a file (the kernel's
//! Documentation/networking/tuntap.rst).

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use nic_model::cable::LONGEST;
use rustix::fs::OFlags;
use rustix::ioctl::{self, Ioctl, IoctlOutput, Opcode};

/// `TUNSETIFF` of `linux/if_tun.h`.
const SET_INTERFACE: Opcode = ioctl::opcode::write::<i32>(b'T', 202);
/// An interface of Ethernet frames, without a header before each.
const IFF_TAP: u16 = 0x0002;
const IFF_NO_PI: u16 = 0x1000;

/// Bytes of an interface's name, with a zero at its end (`linux/if.h`).
const NAME_BYTES: usize = 16;

/// `struct ifreq` of `linux/if.h`, as far as `TUNSETIFF` reads it.
#[repr(C)]
struct Request {
    name: [u8; NAME_BYTES],
    flags: u16,
    rest: [u8; 22],
}

// SAFETY: the kernel reads and writes a whole `struct ifreq`, of 40 bytes.
unsafe impl Ioctl for Request {
    type Output = ();
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        SET_INTERFACE
    }

    fn as_ptr(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }

    unsafe fn output_from_ptr(
        _: IoctlOutput,
        _: *mut c_void,
    ) -> rustix::io::Result<()> {
        Ok(())
    }
}

/// An interface.
#[derive(Debug)]
pub struct Tap {
    file: File,
    frame: Vec<u8>,
}

impl Tap {
    /// Opens the interface `name`, or makes it.
    pub fn open(name: &str) -> io::Result<Self> {
        let mut request = Request {
            name: [0; 16],
            flags: IFF_TAP | IFF_NO_PI,
            rest: [0; 22],
        };
        let room = request.name.get_mut(..name.len());
        let room = room.filter(|_| (1..NAME_BYTES).contains(&name.len()));
        room.ok_or(io::ErrorKind::InvalidInput)?
            .copy_from_slice(name.as_bytes());
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open("/dev/net/tun")?;
        // SAFETY: the request is what this call takes.
        unsafe { ioctl::ioctl(&file, request) }?;
        Ok(Self { file, frame: vec![0; LONGEST + 4] })
    }

    /// The next frame that the host has sent, if there is one.
    pub fn receive(&mut self) -> Option<&[u8]> {
        let len = self.file.read(&mut self.frame).ok()?;
        self.frame.get(..len)
    }

    /// A frame to the host, which drops it where the interface is down.
    pub fn send(&mut self, frame: &[u8]) {
        let _ = self.file.write(frame);
    }
}
