//! The wire protocol of vfio-user, a server's side: messages over a socket of
//! the host, with files attached to some (the protocol's specification,
//! version 0.1, in QEMU's docs/interop/vfio-user.rst).

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde_json::json;
use vfio_bindings::bindings::vfio::{
    VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_RESET,
    VFIO_REGION_INFO_CAP_SPARSE_MMAP, VFIO_REGION_INFO_FLAG_CAPS,
};

/// Bytes before every message.
const HEADER_BYTES: usize = 16;

/// Bytes of the data in a message, at most.
const MOST_DATA: usize = 1 << 20;

/// Files with a message, at most.
const MOST_FILES: usize = 8;

/// Bytes of what is said of a region, before its capabilities.
const REGION_INFO_BYTES: u32 = 32;

/// Flag of a message: it answers another.
const REPLY: u32 = 1;
/// Its sender wants no answer.
const NO_REPLY: u32 = 1 << 4;
/// An answer that tells of an error.
const ERROR: u32 = 1 << 5;

/// What messages ask for.
mod command {
    pub const VERSION: u16 = 1;
    pub const DMA_MAP: u16 = 2;
    pub const DMA_UNMAP: u16 = 3;
    pub const DEVICE_GET_INFO: u16 = 4;
    pub const DEVICE_GET_REGION_INFO: u16 = 5;
    pub const DEVICE_GET_IRQ_INFO: u16 = 7;
    pub const DEVICE_SET_IRQS: u16 = 8;
    pub const REGION_READ: u16 = 9;
    pub const REGION_WRITE: u16 = 10;
    pub const DMA_READ: u16 = 11;
    pub const DEVICE_RESET: u16 = 13;
}

/// Flag of DMA_UNMAP: everything.
const UNMAP_ALL: u32 = 1 << 2;

/// What is behind the protocol.
pub trait Device {
    /// The device's regions, by index.
    fn regions(&self) -> Vec<Region>;
    /// Flags and number of the device's interrupts, by kind.
    fn interrupts(&self) -> Vec<(u32, u32)>;
    /// Calls `with` with the file that the mapped areas of regions lie in.
    fn with_file(&self, with: &mut dyn FnMut(BorrowedFd<'_>));
    /// A read from a region.
    fn read(
        &mut self,
        region: u32,
        offset: u64,
        data: &mut [u8],
    ) -> io::Result<()>;
    /// A write to a region.
    fn write(
        &mut self,
        region: u32,
        offset: u64,
        data: &[u8],
    ) -> io::Result<()>;
    /// The device may reach `len` bytes at `iova`, which are those of the file
    /// from `offset` on.
    fn map(
        &mut self,
        file: Option<&File>,
        offset: u64,
        iova: u64,
        len: u64,
    ) -> io::Result<()>;
    /// It may not any more.
    fn unmap(&mut self, iova: u64, len: u64);
    /// How to interrupt the client.
    fn set_interrupts(
        &mut self,
        kind: u32,
        flags: u32,
        start: u32,
        count: u32,
        files: Vec<File>,
    ) -> io::Result<()>;
    /// A reset.
    fn reset(&mut self);
}

/// A region of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// `VFIO_REGION_INFO_FLAG_…`
    pub flags: u32,
    /// Bytes of it.
    pub bytes: u64,
    /// Offsets and sizes of what can be mapped, at the same offsets in the
    /// device's file.
    pub mapped: Vec<(u64, u64)>,
}

/// The way back to a client, for any thread.
#[derive(Clone, Debug)]
pub struct Sender(Arc<Mutex<UnixStream>>);

/// What a message begins with.
#[derive(Clone, Copy, Debug)]
struct Header {
    id: u16,
    command: u16,
    size: u32,
    flags: u32,
}

impl Header {
    fn parse(bytes: &[u8; HEADER_BYTES]) -> Self {
        let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let word = |at| u32::from(half(at)) | u32::from(half(at + 2)) << 16;
        Self { id: half(0), command: half(2), size: word(4), flags: word(8) }
    }

    fn bytes(&self, error: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend(self.id.to_le_bytes());
        bytes.extend(self.command.to_le_bytes());
        for word in [self.size, self.flags, error] {
            bytes.extend(word.to_le_bytes());
        }
        bytes
    }
}

/// A message from a client.
#[derive(Debug)]
struct Message {
    header: Header,
    body: Vec<u8>,
    files: Vec<File>,
}

/// The fields of a message, taken from its front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (field, rest) =
            self.0.split_first_chunk().ok_or(io::ErrorKind::InvalidInput)?;
        self.0 = rest;
        Ok(*field)
    }

    fn word(&mut self) -> io::Result<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn quad(&mut self) -> io::Result<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

impl Sender {
    fn send(
        &self,
        message: &[u8],
        file: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut space =
            [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut attached = SendAncillaryBuffer::new(&mut space);
        let files = file.map(|file| [file]);
        if let Some(files) = &files {
            attached.push(SendAncillaryMessage::ScmRights(files));
        }
        let mut rest = message;
        while !rest.is_empty() {
            let flags = SendFlags::NOSIGNAL;
            let parts = [IoSlice::new(rest)];
            match sendmsg(&*stream, &parts, &mut attached, flags) {
                Ok(sent) => {
                    rest = &rest[sent..];
                    attached.clear();
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Has the client read a word at `iova` for the device, as the device's
    /// bus would: if that is no memory, it is the client who tells its guest.
    pub fn read_memory(&self, iova: u64) -> io::Result<()> {
        let mut body = iova.to_le_bytes().to_vec();
        body.extend(4_u64.to_le_bytes());
        let header = Header {
            id: 0,
            command: command::DMA_READ,
            size: (HEADER_BYTES + body.len()) as u32,
            flags: 0,
        };
        self.send(&[header.bytes(0), body].concat(), None)
    }
}

/// A client.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    sender: Sender,
}

impl Client {
    /// The one at the other end of `stream`.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        let sender = Sender(Arc::new(Mutex::new(stream.try_clone()?)));
        Ok(Self { stream, sender })
    }

    /// The way back to it.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Answers it until it has gone. `greeted` is called once it has said
    /// which version it speaks.
    pub fn serve(
        mut self,
        device: &mut dyn Device,
        mut greeted: impl FnMut(),
    ) -> io::Result<()> {
        let mut is_known = false;
        while let Some(message) = self.receive()? {
            let Message { header, body, files } = message;
            if header.flags & REPLY != 0 {
                continue;
            }
            let is_greeting = header.command == command::VERSION;
            if is_greeting == is_known {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let answer = respond(device, header.command, &body, files);
            if is_greeting && answer.is_ok() {
                is_known = true;
                greeted();
            }
            if header.flags & NO_REPLY == 0 {
                self.answer(device, header, answer)?;
            }
        }
        Ok(())
    }

    /// The next message, unless the client has gone.
    fn receive(&mut self) -> io::Result<Option<Message>> {
        let mut start = [0; HEADER_BYTES];
        let mut files = Vec::new();
        let mut filled = 0;
        while filled < HEADER_BYTES {
            let mut space = [MaybeUninit::uninit();
                rustix::cmsg_space!(ScmRights(MOST_FILES))];
            let mut attached = RecvAncillaryBuffer::new(&mut space);
            let mut parts = [IoSliceMut::new(&mut start[filled..])];
            let flags = RecvFlags::CMSG_CLOEXEC;
            let got =
                match recvmsg(&self.stream, &mut parts, &mut attached, flags) {
                    Ok(got) => got.bytes,
                    Err(Errno::INTR) => continue,
                    Err(error) => return Err(error.into()),
                };
            for message in attached.drain() {
                if let RecvAncillaryMessage::ScmRights(some) = message {
                    files.extend(some.map(File::from));
                }
            }
            match got {
                0 if filled == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                got => filled += got,
            }
        }
        let header = Header::parse(&start);
        let len = (header.size as usize).checked_sub(HEADER_BYTES);
        let len = len.filter(|len| *len <= MOST_DATA + 64);
        let mut body = vec![0; len.ok_or(io::ErrorKind::InvalidData)?];
        self.stream.read_exact(&mut body)?;
        Ok(Some(Message { header, body, files }))
    }

    fn answer(
        &self,
        device: &dyn Device,
        header: Header,
        answer: io::Result<Answer>,
    ) -> io::Result<()> {
        let Header { id, command, .. } = header;
        match answer {
            Ok(Answer { body, with_file }) => {
                let size = (HEADER_BYTES + body.len()) as u32;
                let header = Header { id, command, size, flags: REPLY };
                let message = [header.bytes(0), body].concat();
                if !with_file {
                    return self.sender.send(&message, None);
                }
                let mut sent = Ok(());
                device.with_file(&mut |file| {
                    sent = self.sender.send(&message, Some(file));
                });
                sent
            }
            Err(error) => {
                let size = HEADER_BYTES as u32;
                let flags = REPLY | ERROR;
                let header = Header { id, command, size, flags };
                let errno = match error.kind() {
                    io::ErrorKind::AlreadyExists => Errno::EXIST,
                    io::ErrorKind::Unsupported => Errno::NOSYS,
                    _ => Errno::INVAL,
                };
                let number = errno.raw_os_error() as u32;
                self.sender.send(&header.bytes(number), None)
            }
        }
    }
}

/// What goes back, and whether the device's file does.
#[derive(Debug, Default)]
struct Answer {
    body: Vec<u8>,
    with_file: bool,
}

impl From<Vec<u8>> for Answer {
    fn from(body: Vec<u8>) -> Self {
        Self { body, with_file: false }
    }
}

/// Does what a message asks for.
fn respond(
    device: &mut dyn Device,
    command: u16,
    body: &[u8],
    files: Vec<File>,
) -> io::Result<Answer> {
    let mut fields = Fields(body);
    match command {
        command::VERSION => version(&mut fields).map(Answer::from),
        command::DMA_MAP => {
            let (_argsz, _flags) = (fields.word()?, fields.word()?);
            let offset = fields.quad()?;
            let (iova, len) = (fields.quad()?, fields.quad()?);
            device.map(files.first(), offset, iova, len)?;
            Ok(Answer::default())
        }
        command::DMA_UNMAP => {
            let (_argsz, flags) = (fields.word()?, fields.word()?);
            let (iova, len) = (fields.quad()?, fields.quad()?);
            match flags & UNMAP_ALL != 0 {
                true => device.unmap(0, u64::MAX),
                false => device.unmap(iova, len),
            }
            Ok(body[..24].to_vec().into())
        }
        command::DEVICE_GET_INFO => {
            let flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI;
            let regions = device.regions().len() as u32;
            let interrupts = device.interrupts().len() as u32;
            Ok(words(&[16, flags, regions, interrupts]).into())
        }
        command::DEVICE_GET_REGION_INFO => {
            let (room, _flags) = (fields.word()?, fields.word()?);
            let index = fields.word()?;
            let regions = device.regions();
            let region = regions.get(index as usize);
            let region = region.ok_or(io::ErrorKind::InvalidInput)?;
            Ok(region_info(region, index, room))
        }
        command::DEVICE_GET_IRQ_INFO => {
            let (_argsz, _flags) = (fields.word()?, fields.word()?);
            let index = fields.word()?;
            let kinds = device.interrupts();
            let kind = kinds.get(index as usize);
            let (flags, count) = *kind.ok_or(io::ErrorKind::InvalidInput)?;
            Ok(words(&[16, flags, index, count]).into())
        }
        command::DEVICE_SET_IRQS => {
            let (_argsz, flags) = (fields.word()?, fields.word()?);
            let kind = fields.word()?;
            let (start, count) = (fields.word()?, fields.word()?);
            device.set_interrupts(kind, flags, start, count, files)?;
            Ok(Answer::default())
        }
        command::REGION_READ => {
            let offset = fields.quad()?;
            let (region, count) = (fields.word()?, fields.word()? as usize);
            if count > MOST_DATA {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let mut answer = body[..16].to_vec();
            answer.resize(16 + count, 0);
            device.read(region, offset, &mut answer[16..])?;
            Ok(answer.into())
        }
        command::REGION_WRITE => {
            let offset = fields.quad()?;
            let (region, count) = (fields.word()?, fields.word()? as usize);
            let data = fields.0.get(..count);
            let data = data.ok_or(io::ErrorKind::InvalidInput)?;
            device.write(region, offset, data)?;
            Ok(body[..16].to_vec().into())
        }
        command::DEVICE_RESET => {
            device.reset();
            Ok(Answer::default())
        }
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Agrees on version 0.1 or, with an older client, 0.0. What the client can do
/// is text behind that, which does not matter here.
fn version(fields: &mut Fields<'_>) -> io::Result<Vec<u8>> {
    let major = u16::from_le_bytes(fields.take()?);
    let minor = u16::from_le_bytes(fields.take()?);
    if major != 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let can = json!({
        "capabilities": {
            "max_msg_fds": MOST_FILES,
            "max_data_xfer_size": MOST_DATA,
        }
    });
    let mut answer = vec![0, 0, minor.min(1) as u8, 0];
    answer.extend(can.to_string().into_bytes());
    answer.push(0);
    Ok(answer)
}

/// What is said of a region, with what can be mapped of it as a capability if
/// the client has `room` for it.
fn region_info(region: &Region, index: u32, room: u32) -> Answer {
    let mut list = Vec::new();
    if !region.mapped.is_empty() {
        let head = VFIO_REGION_INFO_CAP_SPARSE_MMAP | 1 << 16;
        list = words(&[head, 0, region.mapped.len() as u32, 0]);
        for (offset, bytes) in &region.mapped {
            list.extend(offset.to_le_bytes());
            list.extend(bytes.to_le_bytes());
        }
    }
    let size = REGION_INFO_BYTES + list.len() as u32;
    let (mut flags, mut list_at) = (region.flags, 0);
    if !list.is_empty() {
        flags |= VFIO_REGION_INFO_FLAG_CAPS;
        list_at = REGION_INFO_BYTES;
    }
    let mut body = words(&[size, flags, index, list_at]);
    body.extend(region.bytes.to_le_bytes());
    body.extend(0_u64.to_le_bytes());
    let with_file = !list.is_empty() && room >= size;
    if with_file {
        body.extend(list);
    }
    Answer { body, with_file }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::thread;

    /// Notes what it hears, in words.
    struct Fake {
        heard: Vec<String>,
        file: File,
    }

    impl Device for Fake {
        fn regions(&self) -> Vec<Region> {
            let mapped = vec![(0x1000, 0x1000), (0x6000, 0x1000)];
            vec![
                Region { flags: 7, bytes: 0x2_0000, mapped },
                Region { flags: 3, bytes: 64, mapped: Vec::new() },
            ]
        }

        fn interrupts(&self) -> Vec<(u32, u32)> {
            vec![(7, 1), (1, 64)]
        }

        fn with_file(&self, with: &mut dyn FnMut(BorrowedFd<'_>)) {
            with(self.file.as_fd());
        }

        fn read(
            &mut self,
            region: u32,
            offset: u64,
            data: &mut [u8],
        ) -> io::Result<()> {
            data.fill(offset as u8);
            match region {
                0 => Ok(()),
                _ => Err(io::ErrorKind::InvalidInput.into()),
            }
        }

        fn write(
            &mut self,
            region: u32,
            offset: u64,
            data: &[u8],
        ) -> io::Result<()> {
            self.heard.push(format!("write {region} {offset:#x} {data:?}"));
            Ok(())
        }

        fn map(
            &mut self,
            file: Option<&File>,
            offset: u64,
            iova: u64,
            len: u64,
        ) -> io::Result<()> {
            let file = file.is_some();
            self.heard.push(format!("map {file} {offset} {iova} {len}"));
            Err(io::ErrorKind::AlreadyExists.into())
        }

        fn unmap(&mut self, iova: u64, len: u64) {
            self.heard.push(format!("unmap {iova} {len:#x}"));
        }

        fn set_interrupts(
            &mut self,
            kind: u32,
            flags: u32,
            start: u32,
            count: u32,
            files: Vec<File>,
        ) -> io::Result<()> {
            let files = files.len();
            let what = format!("{kind} {flags} {start} {count} {files}");
            self.heard.push(format!("interrupts {what}"));
            Ok(())
        }

        fn reset(&mut self) {
            self.heard.push("reset".to_owned());
        }
    }

    /// What a device hears and answers when a client sends these messages one
    /// after the other; whether that ended well.
    fn talk(
        messages: &[(Vec<u8>, Option<&File>)],
    ) -> (Vec<String>, Vec<u8>, bool) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let client = Client::new(theirs).expect("a client");
        let mut device =
            Fake { heard: Vec::new(), file: tempfile::tempfile().unwrap() };
        let (mut stream, ours) = (ours.try_clone().unwrap(), ours);
        let answers = thread::spawn(move || {
            let mut answers = Vec::new();
            // Reset, where the other end did not read everything.
            let _ = stream.read_to_end(&mut answers);
            answers
        });
        let sender = Sender(Arc::new(Mutex::new(ours.try_clone().unwrap())));
        for (message, file) in messages {
            let file = file.map(AsFd::as_fd);
            sender.send(message, file).expect("room for a message");
        }
        ours.shutdown(std::net::Shutdown::Write).expect("an end");
        let mut greetings = 0;
        let end = client.serve(&mut device, || greetings += 1);
        assert!(greetings <= 1);
        (device.heard, answers.join().expect("answers"), end.is_ok())
    }

    fn message(command: u16, flags: u32, body: &[u8]) -> Vec<u8> {
        let size = (HEADER_BYTES + body.len()) as u32;
        let header = Header { id: 7, command, size, flags };
        [header.bytes(0), body.to_vec()].concat()
    }

    fn hello() -> (Vec<u8>, Option<&'static File>) {
        let body = [&[0, 0, 0, 0][..], b"{\"capabilities\":{}}\0"].concat();
        (message(command::VERSION, 0, &body), None)
    }

    /// Answers without the greeting: command, flags, error, body.
    fn parse(mut answers: &[u8]) -> Vec<(u16, u32, u32, Vec<u8>)> {
        let mut parsed = Vec::new();
        while let Some(header) = answers.first_chunk() {
            let Header { id, command, size, flags } = Header::parse(header);
            assert_eq!(id, 7);
            let error =
                u32::from_le_bytes(*answers[12..].first_chunk().unwrap());
            let (one, rest) = answers.split_at(size as usize);
            parsed.push((command, flags, error, one[HEADER_BYTES..].to_vec()));
            answers = rest;
        }
        assert_eq!(parsed.remove(0).0, command::VERSION);
        parsed
    }

    #[test]
    fn each_message_reaches_the_device_and_is_answered() {
        let file = tempfile::tempfile().unwrap();
        let access = |offset: u64, region, count| {
            [&offset.to_le_bytes()[..], &words(&[region, count])].concat()
        };
        let range = |flags, numbers: &[u64]| {
            let numbers = numbers.iter().flat_map(|n| n.to_le_bytes());
            [words(&[32, flags]), numbers.collect()].concat()
        };
        let read = access(0x42, 0, 4);
        let write = [access(0x10, 1, 2), vec![8, 9]].concat();
        let map = range(3, &[1, 2, 3]);
        let unmap = range(0, &[2, 3]);
        let irqs = words(&[20, 36, 2, 0, 1]);
        let (heard, answers, good) = talk(&[
            hello(),
            (message(command::REGION_READ, 0, &read), None),
            (message(command::REGION_WRITE, 0, &write), None),
            (message(command::REGION_WRITE, NO_REPLY, &write), None),
            (message(command::DMA_MAP, 0, &map), Some(&file)),
            (message(command::DMA_UNMAP, 0, &unmap), None),
            (message(command::DMA_UNMAP, 0, &range(UNMAP_ALL, &[0, 0])), None),
            (message(command::DEVICE_SET_IRQS, 0, &irqs), Some(&file)),
            (message(command::DEVICE_RESET, 0, &[]), None),
        ]);
        assert!(good);
        let wanted = [
            "write 1 0x10 [8, 9]",
            "write 1 0x10 [8, 9]",
            "map true 1 2 3",
            "unmap 2 0x3",
            "unmap 0 0xffffffffffffffff",
            "interrupts 2 36 0 1 1",
            "reset",
        ];
        assert_eq!(heard, wanted);
        let exists = Errno::EXIST.raw_os_error() as u32;
        let bytes = [read.clone(), vec![0x42; 4]].concat();
        let wanted = [
            (command::REGION_READ, REPLY, 0, bytes),
            (command::REGION_WRITE, REPLY, 0, write[..16].to_vec()),
            (command::DMA_MAP, REPLY | ERROR, exists, vec![]),
            (command::DMA_UNMAP, REPLY, 0, unmap),
            (command::DMA_UNMAP, REPLY, 0, range(UNMAP_ALL, &[0, 0])),
            (command::DEVICE_SET_IRQS, REPLY, 0, vec![]),
            (command::DEVICE_RESET, REPLY, 0, vec![]),
        ];
        assert_eq!(parse(&answers), wanted);
    }

    #[test]
    fn a_client_is_told_of_regions_and_of_interrupts() {
        let region = |room, index| words(&[room, 0, index, 0, 0, 0, 0, 0]);
        let info = command::DEVICE_GET_REGION_INFO;
        let (_, answers, good) = talk(&[
            hello(),
            (message(command::DEVICE_GET_INFO, 0, &[0; 16]), None),
            (message(info, 0, &region(32, 0)), None),
            (message(info, 0, &region(80, 0)), None),
            (message(info, 0, &region(80, 1)), None),
            (message(info, 0, &region(80, 2)), None),
            (
                message(
                    command::DEVICE_GET_IRQ_INFO,
                    0,
                    &words(&[16, 0, 1, 0]),
                ),
                None,
            ),
        ]);
        assert!(good);
        let bodies: Vec<_> =
            parse(&answers).into_iter().map(|a| (a.2, a.3)).collect();
        let invalid = Errno::INVAL.raw_os_error() as u32;
        let head = [80, 7 | 8, 0, 32, 0x2_0000, 0, 0, 0];
        let list = [1 | 1 << 16, 0, 2, 0, 0x1000, 0, 0x1000, 0, 0x6000, 0];
        let list = [&list[..], &[0x1000, 0]].concat();
        let wanted = [
            (0, words(&[16, 3, 2, 2])),
            (0, words(&head)),
            (0, words(&[&head[..], &list].concat())),
            (0, words(&[32, 3, 1, 0, 64, 0, 0, 0])),
            (invalid, vec![]),
            (0, words(&[16, 1, 1, 64])),
        ];
        assert_eq!(bodies, wanted);
    }

    #[test]
    fn what_is_no_message_ends_the_talk_and_nothing_else() {
        for (text, good) in [
            (&b""[..], true),
            (b"GET / HTTP/1.1\r\n\r\n", false),
            (&[0xFF; 64], false),
            (&[0; 15], false),
        ] {
            let (heard, _, ended_well) = talk(&[(text.to_vec(), None)]);
            assert_eq!(ended_well, good, "{text:?}");
            assert_eq!(heard, [""; 0]);
        }
        // Another version, and something before the greeting.
        let (_, _, good) =
            talk(&[(message(command::DEVICE_RESET, 0, &[]), None)]);
        assert!(!good);
        // Messages that end too early, and unknown ones.
        let invalid = Errno::INVAL.raw_os_error() as u32;
        for command in (2..=10).filter(|c| ![4, 6].contains(c)) {
            let short = message(command, 0, &[1, 2, 3]);
            let (heard, answers, good) = talk(&[hello(), (short, None)]);
            assert!(good && heard.is_empty());
            let [one] = &parse(&answers)[..] else { panic!("one answer") };
            assert_eq!((one.0, one.2), (command, invalid));
        }
        let large = words(&[0, 0, 0, u32::MAX]);
        let large = message(command::REGION_READ, 0, &large);
        let (_, answers, _) = talk(&[hello(), (large, None)]);
        assert_eq!(parse(&answers)[0].2, invalid);
        let unknown = message(99, 0, &[]);
        let (_, answers, _) = talk(&[hello(), (unknown, None)]);
        let nosys = Errno::NOSYS.raw_os_error() as u32;
        assert_eq!(parse(&answers)[0].2, nosys);
    }

    #[test]
    fn a_look_at_the_guests_memory_is_a_message_and_its_answer_is_no_matter() {
        let (mut ours, theirs) = UnixStream::pair().expect("a pair");
        let client = Client::new(theirs).expect("a client");
        client.sender().read_memory(0x1234).expect("sent");
        let mut sent = [0; 32];
        ours.read_exact(&mut sent).expect("a message");
        assert_eq!(sent[2..8], [11, 0, 32, 0, 0, 0]);
        assert_eq!(sent[16..28], [0x34, 0x12, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0]);
        let answer = message(command::DMA_READ, REPLY, &[0; 20]);
        ours.write_all(&answer).expect("room");
        ours.shutdown(std::net::Shutdown::Write).expect("an end");
        let mut device =
            Fake { heard: Vec::new(), file: tempfile::tempfile().unwrap() };
        client.serve(&mut device, || panic!("no greeting")).expect("well");
    }
}
