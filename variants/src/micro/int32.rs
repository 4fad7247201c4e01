//! 32-bit and 64-bit integers to bytes and back.
//!
//! *Shows.* What an access to a device word costs in the style it is made.
//! The integers themselves are never the work: the way to them is.
//!
//! *Ways.* `bytes` shifts, masks and stores one byte at a time, the plain way
//! in a language whose buffers are strings; `halves` uses 16-bit words, which
//! OCaml's users were advised to do; `foreign` calls functions in C, those of
//! `reg=foreign`, and is missing where no C was built; `word` is one access;
//! `boxed` is one access whose integer lives on the heap, as OCaml's `Int32`
//! does.
//!
//! *Groups.* `set-get` stores an integer, loads it back and compares. `thrift`
//! is the loop of Apache Thrift's OCaml library: an integer is put into a
//! scratch buffer, the most significant byte first, and its bytes go on to the
//! transport from there; reading goes the other way. There, `bytes` pays for
//! more than its instructions: a wide load of what narrow stores have just
//! written waits until they have reached the cache.
//!
//! *Origin.* "Int32 serialization in OCaml" (2013), which saw 16 million
//! naive set-gets per second, 32 million through C and 139 million with the
//! compiler's primitive, and left 64 bits and Thrift's loop to the reader.
//!
//! *Honest.* An optimiser merges byte accesses into a word, so each byte
//! passes a register-only barrier. Between store and load the buffer's
//! address passes one, or nothing would be loaded. The position is unknown
//! and checked once per access, in every way alike.

use std::hint::black_box;

use driver::opaque;

use super::{Kernel, Memory, Run};
#[cfg(have_cc)]
use crate::reg::foreign;

/// Integers that a call is for.
const INTEGERS: u32 = 1024;

/// Bytes of Thrift's transport, for twice as many.
const MOST_BYTES: usize = 2 * INTEGERS as usize * 4;

/// The ways of all groups.
pub fn kernels() -> Vec<Kernel> {
    let mut kernels = set_gets::<4>("int32/set-get");
    kernels.extend(set_gets::<8>("int64/set-get"));
    kernels.extend([
        thrift_write_by::<Bytes>("bytes"),
        thrift_write_by::<Halves>("halves"),
        #[cfg(have_cc)]
        thrift_write_by::<Foreign>("foreign"),
        thrift_write_by::<Word>("word"),
        thrift_write_by::<Boxed>("boxed"),
        thrift_read_by::<Bytes>("bytes"),
        thrift_read_by::<Halves>("halves"),
        #[cfg(have_cc)]
        thrift_read_by::<Foreign>("foreign"),
        thrift_read_by::<Word>("word"),
        thrift_read_by::<Boxed>("boxed"),
    ]);
    kernels
}

/// A way to bring an integer of `N` bytes into memory and back, the least
/// significant byte first.
trait Way<const N: usize> {
    fn set(to: &mut [u8; N], value: u64);
    fn get(from: &[u8; N]) -> u64;
}

struct Bytes;

impl<const N: usize> Way<N> for Bytes {
    #[inline(always)]
    fn set(to: &mut [u8; N], value: u64) {
        for (i, byte) in to.iter_mut().enumerate() {
            *byte = opaque::word((value >> (8 * i)) as u32) as u8;
        }
    }

    #[inline(always)]
    fn get(from: &[u8; N]) -> u64 {
        let mut value = 0;
        for (i, byte) in from.iter().enumerate() {
            value |= u64::from(opaque::word((*byte).into())) << (8 * i);
        }
        value
    }
}

struct Halves;

impl<const N: usize> Way<N> for Halves {
    #[inline(always)]
    fn set(to: &mut [u8; N], value: u64) {
        let (halves, _) = to.as_chunks_mut::<2>();
        for (i, half) in halves.iter_mut().enumerate() {
            let word = opaque::word((value >> (16 * i)) as u32);
            *half = (word as u16).to_le_bytes();
        }
    }

    #[inline(always)]
    fn get(from: &[u8; N]) -> u64 {
        let (halves, _) = from.as_chunks::<2>();
        let mut value = 0;
        for (i, half) in halves.iter().enumerate() {
            let half = opaque::word(u16::from_le_bytes(*half).into());
            value |= u64::from(half) << (16 * i);
        }
        value
    }
}

#[cfg(have_cc)]
struct Foreign;

#[cfg(have_cc)]
impl<const N: usize> Way<N> for Foreign {
    #[inline(always)]
    fn set(to: &mut [u8; N], value: u64) {
        let to = to.as_mut_ptr();
        // SAFETY: a place for `N` bytes, at a multiple of `N` in a buffer.
        unsafe {
            match N {
                4 => {
                    let value = (value as u32).to_le();
                    foreign::ringside_store32(to.cast(), value);
                }
                8 => foreign::ringside_store64(to.cast(), value.to_le()),
                _ => unreachable!("integers have 4 or 8 bytes"),
            }
        }
    }

    #[inline(always)]
    fn get(from: &[u8; N]) -> u64 {
        let from = from.as_ptr();
        // SAFETY: as in `set`.
        unsafe {
            match N {
                4 => {
                    let value = foreign::ringside_load32(from.cast());
                    u32::from_le(value).into()
                }
                8 => u64::from_le(foreign::ringside_load64(from.cast())),
                _ => unreachable!("integers have 4 or 8 bytes"),
            }
        }
    }
}

struct Word;

impl<const N: usize> Way<N> for Word {
    #[inline(always)]
    fn set(to: &mut [u8; N], value: u64) {
        to.copy_from_slice(&value.to_le_bytes()[..N]);
    }

    #[inline(always)]
    fn get(from: &[u8; N]) -> u64 {
        let mut value = [0; 8];
        value[..N].copy_from_slice(from);
        u64::from_le_bytes(value)
    }
}

struct Boxed;

impl<const N: usize> Way<N> for Boxed {
    #[inline(always)]
    fn set(to: &mut [u8; N], value: u64) {
        Word::set(to, *opaque::boxed(Box::new(value)));
    }

    #[inline(always)]
    fn get(from: &[u8; N]) -> u64 {
        *opaque::boxed(Box::new(Word::get(from)))
    }
}

/// Bytes that begin where an integer may.
#[repr(align(8))]
struct Buffer<const N: usize>([u8; N]);

/// The `i`th integer of `N` bytes, with something in each of its halves.
#[inline(always)]
fn integer<const N: usize>(i: u32) -> u64 {
    let low = u64::from(opaque::word(i));
    if N == 8 { low << 32 | low } else { low }
}

fn set_gets<const N: usize>(group: &'static str) -> Vec<Kernel> {
    vec![
        set_get_by::<Bytes, N>(group, "bytes"),
        set_get_by::<Halves, N>(group, "halves"),
        #[cfg(have_cc)]
        set_get_by::<Foreign, N>(group, "foreign"),
        set_get_by::<Word, N>(group, "word"),
        set_get_by::<Boxed, N>(group, "boxed"),
    ]
}

fn set_get_by<W: Way<N>, const N: usize>(
    group: &'static str,
    name: &str,
) -> Kernel {
    let prepare = |_: &mut Memory| {
        let mut buffer = Some(Box::new(Buffer([0; 16])));
        let run = move |n| {
            let place = buffer.take().expect("it was handed back");
            let (back, wrong) = set_get::<W, N>(place, black_box(8), n);
            buffer = Some(back);
            assert_eq!(wrong, 0, "another integer came back");
        };
        Box::new(run) as Run
    };
    Kernel {
        group,
        name: name.to_owned(),
        elements: INTEGERS,
        lap: 1,
        entry: set_get::<W, N> as *const (),
        prepare: Box::new(prepare),
    }
}

/// Sets `n` integers at a place of the buffer and gets them back; returns the
/// bits that were ever wrong.
#[inline(never)]
fn set_get<W: Way<N>, const N: usize>(
    mut buffer: Box<Buffer<16>>,
    at: usize,
    n: u32,
) -> (Box<Buffer<16>>, u64) {
    let mut wrong = 0;
    for i in 0..n {
        let value = integer::<N>(i);
        let to = buffer.0[at..].first_chunk_mut().expect("in the buffer");
        W::set(to, value);
        buffer = opaque::boxed(buffer);
        let from = buffer.0[at..].first_chunk().expect("in the buffer");
        wrong |= value ^ W::get(from);
    }
    (buffer, wrong)
}

/// What is sent: integers of four bytes, the most significant first.
fn message() -> Vec<u8> {
    (0..2 * INTEGERS).flat_map(u32::to_be_bytes).collect()
}

fn thrift_write_by<W: Way<4>>(name: &str) -> Kernel {
    let prepare = |_: &mut Memory| {
        let mut transport = vec![0; MOST_BYTES];
        let scratch = Box::new(Buffer([0; 4]));
        let mut scratch = Some(thrift_write::<W>(scratch, &mut transport));
        assert!(transport == message(), "another message was sent");
        let run = move |n: u32| {
            let place = scratch.take().expect("it was handed back");
            let part = &mut transport[..n as usize * 4];
            scratch = Some(thrift_write::<W>(place, part));
            black_box(&mut transport);
        };
        Box::new(run) as Run
    };
    Kernel {
        group: "thrift/write",
        name: name.to_owned(),
        elements: INTEGERS,
        lap: 1,
        entry: thrift_write::<W> as *const (),
        prepare: Box::new(prepare),
    }
}

/// Fills the transport with integers, by way of the scratch buffer.
#[inline(never)]
fn thrift_write<W: Way<4>>(
    mut scratch: Box<Buffer<4>>,
    transport: &mut [u8],
) -> Box<Buffer<4>> {
    let (places, _) = transport.as_chunks_mut::<4>();
    for (i, place) in (0..).zip(places) {
        W::set(&mut scratch.0, opaque::word(i).swap_bytes().into());
        scratch = opaque::boxed(scratch);
        *place = scratch.0;
    }
    scratch
}

fn thrift_read_by<W: Way<4>>(name: &str) -> Kernel {
    let prepare = |_: &mut Memory| {
        let transport = message();
        let mut scratch = Some(Box::new(Buffer([0; 4])));
        let run = move |n: u32| {
            let place = scratch.take().expect("it was handed back");
            let part = &black_box(&transport)[..n as usize * 4];
            let (back, wrong) = thrift_read::<W>(place, part);
            scratch = Some(back);
            assert_eq!(wrong, 0, "another integer was received");
        };
        Box::new(run) as Run
    };
    Kernel {
        group: "thrift/read",
        name: name.to_owned(),
        elements: INTEGERS,
        lap: 1,
        entry: thrift_read::<W> as *const (),
        prepare: Box::new(prepare),
    }
}

/// Reads what is in the transport, by way of the scratch buffer; returns the
/// bits that were ever wrong.
#[inline(never)]
fn thrift_read<W: Way<4>>(
    mut scratch: Box<Buffer<4>>,
    transport: &[u8],
) -> (Box<Buffer<4>>, u32) {
    let mut wrong = 0;
    let (places, _) = transport.as_chunks::<4>();
    for (i, place) in (0..).zip(places) {
        scratch.0 = *place;
        scratch = opaque::boxed(scratch);
        wrong |= (W::get(&scratch.0) as u32).swap_bytes() ^ i;
    }
    (scratch, wrong)
}
