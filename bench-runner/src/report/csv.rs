//! A row per cell.

use super::Material;

/// The whole text.
pub fn text(material: &Material) -> String {
    let _ = material;
    String::new()
}
