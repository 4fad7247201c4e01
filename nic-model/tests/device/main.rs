//! Driver and device together: the driver's set-up and hot path against the
//! model, which watches every register access and checks every frame.

mod accounting;
mod faults;
mod generator;
mod mistakes;
mod polled;
mod registers;
mod rig;
mod rings;
mod sabotage;
mod small;
mod spread;
mod trace;
