use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use driver::policy::Cell;

/// The cells of a list, which all walks over it share.
pub type Cells = Rc<RefCell<Vec<Cell<u64>>>>;

/// What kernels share, so that none has the better place: lists, each made
/// when the first kernel asks for it.
#[derive(Default)]
pub struct Memory {
    /// By the order of their cells, and by how many there are.
    lists: HashMap<(&'static str, u32), Cells>,
}

impl Memory {
    /// The list of so many cells in an order, made by `lay_out` if there is
    /// none yet.
    pub fn list(
        &mut self,
        order: &'static str,
        cells: u32,
        lay_out: impl FnOnce() -> Vec<Cell<u64>>,
    ) -> Cells {
        match self.lists.entry((order, cells)) {
            Entry::Occupied(list) => list.get().clone(),
            Entry::Vacant(place) => {
                place.insert(Rc::new(RefCell::new(lay_out()))).clone()
            }
        }
    }
}
