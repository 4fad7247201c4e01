//! The same as Markdown.

use super::Material;

/// The whole text.
pub fn text(material: &Material) -> String {
    let _ = material;
    String::new()
}
