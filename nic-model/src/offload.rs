//! Checksums that the device inserts into what it sends (datasheet 7.2.5).

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
}

/// What the first data descriptor of a packet asks for (7.2.3.2.4).
#[derive(Clone, Copy, Debug)]
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

    /// Does it; whether the device can. It does not cut packets into segments.
    pub fn fulfil(&self, contexts: &[Context; 2], frame: &mut [u8]) -> bool {
        let context = &contexts[self.context];
        if self.segment {
            return false;
        }
        let ip = !self.ip || insert_ip(context, frame).is_some();
        let l4 = !self.l4 || insert_l4(context, frame).is_some();
        ip && l4
    }
}

/// The checksum of an IPv4 header (RFC 791) at its bytes 10 and 11.
fn insert_ip(context: &Context, frame: &mut [u8]) -> Option<()> {
    if context.high & IPV4 == 0 {
        return None;
    }
    let header = frame.get_mut(context.ip_at()..context.l4_at())?;
    *header.get_mut(10..12)?.first_chunk_mut()? = [0, 0];
    let sum = !ones_complement(header);
    *header.get_mut(10..12)?.first_chunk_mut()? = sum.to_be_bytes();
    Some(())
}

/// The checksum of UDP (RFC 768) or TCP (RFC 9293). Its field holds the sum of
/// the pseudo header before.
fn insert_l4(context: &Context, frame: &mut [u8]) -> Option<()> {
    let field = match context.high >> L4T_SHIFT & 0b11 {
        UDP => 6..8,
        TCP => 16..18,
        _ => return None,
    };
    let packet = frame.get_mut(context.l4_at()..)?;
    let sum = match !ones_complement(packet) {
        // Zero would say that there is no checksum.
        0 => u16::MAX,
        sum => sum,
    };
    *packet.get_mut(field)?.first_chunk_mut()? = sum.to_be_bytes();
    Some(())
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

    #[test]
    fn whoever_receives_a_packet_sums_up_to_all_ones() {
        let request = Request::of(0, 0b11 << 8);
        for (l4t, protocol, field) in [(UDP, 17, 6), (TCP, 6, 16)] {
            for bytes in [20_u16, 21, 1000] {
                let mut payload: Vec<_> = (0..bytes).map(|b| b as u8).collect();
                let sum = pseudo(protocol, bytes).to_be_bytes();
                payload[field..field + 2].copy_from_slice(&sum);
                let (mut frame, context) = frame(l4t, protocol, &payload);
                assert!(request.fulfil(&[context; 2], &mut frame));
                assert_eq!(ones_complement(&frame[14..34]), 0xFFFF);
                let mut whole = frame[34..].to_vec();
                if !bytes.is_multiple_of(2) {
                    whole.push(0);
                }
                whole.extend(pseudo(protocol, bytes).to_be_bytes());
                assert_eq!(ones_complement(&whole), 0xFFFF);
            }
        }
    }

    #[test]
    fn what_lies_beyond_a_packet_cannot_be_summed_up() {
        let request = Request::of(0, 0b11 << 8);
        for len in 0..34 {
            let (mut frame, context) = frame(TCP, 6, &[0; 20]);
            frame.truncate(len);
            assert!(!request.fulfil(&[context; 2], &mut frame), "{len}");
        }
    }

    #[test]
    fn segments_are_refused_and_nothing_asked_for_is_nothing_done() {
        let (frame, context) = frame(UDP, 17, &[7; 30]);
        let mut copy = frame.clone();
        assert!(Request::of(0, 0).fulfil(&[context; 2], &mut copy));
        assert_eq!(copy, frame);
        let segment = Request::of(1 << 31, 0);
        assert!(!segment.fulfil(&[context; 2], &mut copy));
    }
}
