use super::*;

/// The body of some machine code at an address of its own.
fn body(address: u64, bytes: &[u8]) -> Body {
    let function = Function { address, name: "test", bytes };
    Body::of(&function, &Image::default())
}

/// Counts down in memory, with padding in front of the loop.
const COUNT_DOWN: &[u8] = &[
    0x31, 0xC0, // xor eax, eax
    0x66, 0x90, // xchg ax, ax
    0x0F, 0x1F, 0x00, // nop dword ptr [rax]
    0x03, 0x47, 0x08, // add eax, [rdi + 8]
    0xFF, 0x4F, 0x08, // dec dword ptr [rdi + 8]
    0x75, 0xF8, // jne to the addition
    0xC3, // ret
];

#[test]
fn padding_and_addresses_do_not_count() {
    let here = body(0x1000, COUNT_DOWN);
    let there = body(0x7F40, COUNT_DOWN);
    assert_eq!(here.hash(), there.hash());
    let texts: Vec<_> = here.lines.iter().map(|l| l.text.as_str()).collect();
    assert_eq!(texts.len(), 5, "{texts:?}");
    assert_eq!(here.lines[3].target, Some(1));
    assert_eq!(here.labels()[&1], ".1");
    let without_padding = [&COUNT_DOWN[..2], &COUNT_DOWN[7..]].concat();
    assert_eq!(body(0, &without_padding).hash(), here.hash());
}

#[test]
fn loads_stores_and_branches_are_counted_by_loop() {
    let body = body(0x1000, COUNT_DOWN);
    let whole = body.counts();
    // The return reads its address from the stack.
    assert_eq!((whole.loads, whole.stores, whole.branches), (3, 1, 1));
    let [turn] = &body.loops[..] else { panic!("{:?}", body.loops) };
    let turn = body.turn(turn);
    assert_eq!((turn.instructions, turn.loads, turn.stores), (3, 2, 1));
    let depths: Vec<_> = body.lines.iter().map(|line| line.depth).collect();
    assert_eq!(depths, [0, 1, 1, 1, 0]);
}

#[test]
fn another_target_or_another_constant_is_other_code() {
    let code = body(0x1000, COUNT_DOWN);
    let mut elsewhere = COUNT_DOWN.to_vec();
    elsewhere[14] = 0xFB; // jne to the decrement
    assert_ne!(body(0x1000, &elsewhere).hash(), code.hash());
    let mut offset = COUNT_DOWN.to_vec();
    offset[9] = 4; // add eax, [rdi + 4]
    assert_ne!(body(0x1000, &offset).hash(), code.hash());
}

#[test]
fn a_place_relative_to_the_instruction_does_not_count() {
    // lea rax, [rip + …]
    let near = body(0, &[0x48, 0x8D, 0x05, 0x10, 0, 0, 0]);
    let far = body(0, &[0x48, 0x8D, 0x05, 0x10, 0x20, 0, 0]);
    assert_eq!(near.lines[0].text, far.lines[0].text);
}

#[test]
fn a_path_is_shown_without_its_parameters() {
    for (path, shown) in [
        ("core::panicking::panic", "core::panicking::panic"),
        (
            "<driver::rx::RxQueue>::drop::<driver::bar::MappedBar>",
            "driver::rx::RxQueue::drop",
        ),
        ("<a::Vec<u8> as b::Drop>::drop", "a::Vec as b::Drop::drop"),
        ("free", "free"),
    ] {
        assert_eq!(short(path), shown);
    }
}
