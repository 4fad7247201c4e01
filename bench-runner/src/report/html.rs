//! One self-contained page.

use super::Material;

/// The whole text.
pub fn page(material: &Material) -> String {
    let _ = material;
    String::new()
}
