//! What the device does to packets on their way out: checksums (datasheet
//! 7.2.5), and TCP in segments (7.2.4).

/// What a context descriptor says of the packets that follow (7.2.3.2.3).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context {
    low: u64,
    high: u64,
}

/// IP version 4, in the upper half of a context.
const IPV4: u64 = 1 << 10;
/// Type of the fourth layer there, and the values of that field.
const L4T_SHIFT: u32 = 11;
const UDP: u64 = 0;
const TCP: u64 = 1;

impl Context {
    /// The context in a descriptor of these two quadwords.
    pub fn of(low: u64, high: u64) -> Self {
        Self { low, high }
    }

    /// Which of the two contexts of its queue it is.
    pub fn index(&self) -> usize {
        (self.high >> 36) as usize & 1
    }

    /// Where the header of IP begins.
    fn ip_at(&self) -> usize {
        (self.low >> 9) as usize & 0x7F
    }

    /// Where the header of the fourth layer begins.
    fn l4_at(&self) -> usize {
        self.ip_at() + (self.low as usize & 0x1FF)
    }

    /// Where the payload begins.
    fn payload_at(&self) -> usize {
        self.l4_at() + ((self.high >> 40) as usize & 0xFF)
    }

    /// Bytes of payload in a segment.
    fn segment_bytes(&self) -> usize {
        (self.high >> 48) as usize
    }

    fn is_ipv4(&self) -> bool {
        self.high & IPV4 != 0
    }

    fn is(&self, layer4: u64) -> bool {
        self.high >> L4T_SHIFT & 0b11 == layer4
    }
}

/// What the first data descriptor of a packet asks for (7.2.3.2.4).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Request {
    segment: bool,
    ip: bool,
    l4: bool,
    context: usize,
}

impl Request {
    /// In the words of a descriptor.
    pub fn of(command: u32, olinfo: u32) -> Self {
        Self {
            segment: command & 1 << 31 != 0,
            ip: olinfo & 1 << 8 != 0,
            l4: olinfo & 1 << 9 != 0,
            context: olinfo as usize >> 4 & 1,
        }
    }

    /// Whether the packet is to be cut into segments.
    pub fn cuts(&self) -> bool {
        self.segment
    }

    /// Does it, and hands what comes of it to `send`; whether the device can.
    pub fn fulfil(
        &self,
        contexts: &[Context; 2],
        frame: &mut [u8],
        send: &mut dyn FnMut(&mut Vec<u8>),
    ) -> bool {
        let context = &contexts[self.context];
        if self.segment {
            return cut(context, frame, send).is_some();
        }
        let ip = !self.ip || insert_ip(context, frame).is_some();
        let l4 = !self.l4 || insert_l4(context, frame).is_some();
        if ip && l4 {
            send(&mut frame.to_vec());
        }
        ip && l4
    }
}

/// Flags of TCP that only the last segment has: FIN and PSH.
const LAST_FLAGS: u8 = 0b1001;

/// TCP in segments, each with the headers of the whole. The checksum's field
/// holds the sum of the pseudo header without the length.
fn cut(
    context: &Context,
    frame: &[u8],
    send: &mut dyn FnMut(&mut Vec<u8>),
) -> Option<()> {
    let (ip_at, l4_at) = (context.ip_at(), context.l4_at());
    let (head, payload) = frame.split_at_checked(context.payload_at())?;
    let bytes = context.segment_bytes();
    let fits = head.len() >= l4_at + 20 && l4_at >= ip_at + 20;
    if !context.is(TCP) || !fits || bytes == 0 || payload.is_empty() {
        return None;
    }
    let pieces = payload.chunks(bytes);
    let last = pieces.len() - 1;
    for (n, piece) in pieces.enumerate() {
        let mut segment = [head, piece].concat();
        let len = segment.len();
        if context.is_ipv4() {
            put(&mut segment, ip_at + 2, (len - ip_at) as u16)?;
            let id = half(head, ip_at + 4)?.wrapping_add(n as u16);
            put(&mut segment, ip_at + 4, id)?;
            insert_ip(context, &mut segment)?;
        } else {
            let len = len.checked_sub(ip_at + 40)?;
            put(&mut segment, ip_at + 4, len as u16)?;
        }
        let first = u32::from_be_bytes(*head[l4_at + 4..].first_chunk()?);
        let number = first.wrapping_add((n * bytes) as u32);
        *segment[l4_at + 4..].first_chunk_mut()? = number.to_be_bytes();
        if n != last {
            segment[l4_at + 13] &= !LAST_FLAGS;
        }
        let pseudo = half(head, l4_at + 16)?.to_be_bytes();
        let length = ((len - l4_at) as u16).to_be_bytes();
        let sum = ones_complement(&[pseudo, length].concat());
        put(&mut segment, l4_at + 16, sum)?;
        insert_l4(context, &mut segment)?;
        send(&mut segment);
    }
    Some(())
}

/// The 16-bit word at a place of a packet.
fn half(packet: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*packet.get(at..)?.first_chunk()?))
}

/// Writes it.
fn put(packet: &mut [u8], at: usize, value: u16) -> Option<()> {
    *packet.get_mut(at..)?.first_chunk_mut()? = value.to_be_bytes();
    Some(())
}

/// The checksum of an IPv4 header (RFC 791) at its bytes 10 and 11.
fn insert_ip(context: &Context, frame: &mut [u8]) -> Option<()> {
    if !context.is_ipv4() {
        return None;
    }
    let header = frame.get_mut(context.ip_at()..context.l4_at())?;
    put(header, 10, 0)?;
    let sum = !ones_complement(header);
    put(header, 10, sum)
}

/// The checksum of UDP (RFC 768) or TCP (RFC 9293). Its field holds the sum of
/// the pseudo header before.
fn insert_l4(context: &Context, frame: &mut [u8]) -> Option<()> {
    let field = match () {
        () if context.is(UDP) => 6,
        () if context.is(TCP) => 16,
        () => return None,
    };
    let packet = frame.get_mut(context.l4_at()..)?;
    let sum = match !ones_complement(packet) {
        // Zero would say that there is no checksum.
        0 => u16::MAX,
        sum => sum,
    };
    put(packet, field, sum)
}

/// The sum of 16-bit words with the carry added at the bottom (RFC 1071).
fn ones_complement(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<2>();
    let last = rest.first().map(|byte| [*byte, 0]);
    let words = words.iter().copied().chain(last);
    let mut sum = words.map(|w| u64::from(u16::from_be_bytes(w))).sum::<u64>();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of Ethernet and IPv4 with `payload`, whose checksum of IP is
    /// missing, and a context for it.
    fn frame(l4t: u64, protocol: u8, payload: &[u8]) -> (Vec<u8>, Context) {
        let length = (20 + payload.len()) as u16;
        let mut frame = vec![0; 12];
        frame.extend([8, 0, 0x45, 0]);
        frame.extend(length.to_be_bytes());
        frame.extend([0, 1, 0, 0, 64, protocol, 0xAB, 0xCD]);
        frame.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend(payload);
        (frame, Context::of(14 << 9 | 20, IPV4 | l4t << L4T_SHIFT))
    }

    /// The sum of the pseudo header of those addresses.
    fn pseudo(protocol: u8, length: u16) -> u16 {
        let mut header = vec![10, 0, 0, 1, 10, 0, 0, 2, 0, protocol];
        header.extend(length.to_be_bytes());
        ones_complement(&header)
    }

    /// What is sent of a frame, where the device can do what it is asked for.
    fn sent(
        request: Request,
        context: Context,
        frame: &mut [u8],
    ) -> Option<Vec<Vec<u8>>> {
        let mut sent = Vec::new();
        let mut send = |frame: &mut Vec<u8>| sent.push(frame.clone());
        let can = request.fulfil(&[context; 2], frame, &mut send);
        can.then_some(sent)
    }

    /// Whether both checksums of a frame are right.
    fn is_right(frame: &[u8], protocol: u8) -> bool {
        let mut whole = frame[34..].to_vec();
        let length = whole.len() as u16;
        if !whole.len().is_multiple_of(2) {
            whole.push(0);
        }
        whole.extend(pseudo(protocol, length).to_be_bytes());
        let sums = [&frame[14..34], &whole].map(ones_complement);
        sums == [0xFFFF, 0xFFFF]
    }

    #[test]
    fn whoever_receives_a_packet_sums_up_to_all_ones() {
        let request = Request::of(0, 0b11 << 8);
        for (l4t, protocol, field) in [(UDP, 17, 6), (TCP, 6, 16)] {
            for bytes in [20_u16, 21, 1000] {
                let mut payload: Vec<_> = (0..bytes).map(|b| b as u8).collect();
                let sum = pseudo(protocol, bytes).to_be_bytes();
                payload[field..field + 2].copy_from_slice(&sum);
                let (mut frame, context) = frame(l4t, protocol, &payload);
                let sent = sent(request, context, &mut frame).expect("sent");
                assert_eq!(sent.len(), 1);
                assert!(is_right(&sent[0], protocol));
            }
        }
    }

    #[test]
    fn what_lies_beyond_a_packet_cannot_be_summed_up() {
        let request = Request::of(0, 0b11 << 8);
        for len in 0..34 {
            let (mut frame, context) = frame(TCP, 6, &[0; 20]);
            frame.truncate(len);
            assert_eq!(sent(request, context, &mut frame), None, "{len}");
        }
    }

    #[test]
    fn nothing_asked_for_is_nothing_done() {
        let (mut frame, context) = frame(UDP, 17, &[7; 30]);
        let wanted = vec![frame.clone()];
        assert_eq!(sent(Request::of(0, 0), context, &mut frame), Some(wanted));
    }

    /// A header of TCP with number 5000, FIN and ACK.
    fn tcp() -> Vec<u8> {
        let mut header = vec![0; 20];
        header[4..8].copy_from_slice(&5000_u32.to_be_bytes());
        header[12] = 5 << 4;
        header[13] = 0x11;
        let sum = pseudo(6, 0).to_be_bytes();
        header[16..18].copy_from_slice(&sum);
        header
    }

    #[test]
    fn tcp_goes_out_in_segments() {
        let payload: Vec<_> = (0..2500_u32).map(|n| (n / 7) as u8).collect();
        let (mut frame, context) =
            frame(TCP, 6, &[tcp(), payload.clone()].concat());
        let cut = 1000 << 48 | 20 << 40;
        let context = Context::of(context.low, context.high | cut);
        let request = Request::of(1 << 31, 0b11 << 8);
        let sent = sent(request, context, &mut frame).expect("segments");
        let seen: Vec<_> = sent
            .iter()
            .map(|one| {
                assert!(is_right(one, 6));
                let number = u32::from_be_bytes(*one[38..].first_chunk()?);
                Some((
                    one.len(),
                    half(one, 16)?,
                    half(one, 18)?,
                    number,
                    one[47],
                ))
            })
            .map(|seen| seen.expect("a whole segment"))
            .collect();
        let wanted = [
            (1054, 1040, 1, 5000, 0x10),
            (1054, 1040, 2, 6000, 0x10),
            (554, 540, 3, 7000, 0x11),
        ];
        assert_eq!(seen, wanted);
        let data: Vec<_> = sent.iter().flat_map(|one| &one[54..]).collect();
        assert!(data.into_iter().eq(&payload));
    }

    #[test]
    fn segments_of_nothing_and_without_an_end_are_refused() {
        let request = Request::of(1 << 31, 0b11 << 8);
        let (whole, context) = frame(TCP, 6, &[tcp(), vec![1; 100]].concat());
        let cut = |bytes: u64, head: u64| {
            Context::of(context.low, context.high | bytes << 48 | head << 40)
        };
        for (context, len) in [
            (cut(0, 20), whole.len()),
            (cut(10, 19), whole.len()),
            (cut(10, 20), 54),
            (cut(10, 20), 40),
            (cut(10, 255), whole.len()),
        ] {
            let mut frame = whole[..len].to_vec();
            assert_eq!(sent(request, context, &mut frame), None);
        }
    }
}
