//! A digest of what measures: the model, its traffic, and the runner without
//! what only shows results.
//!
//! It is made of the code alone. Comments, documentation, formatting and tests
//! may change without a new apparatus.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use sha2::{Digest, Sha256};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Item, ItemMod, Meta};

/// Modules of the runner that show what was measured, and measure nothing,
/// wherever they stand.
const SHOWS: [&str; 12] = [
    "annotations",
    "bisect",
    "charts",
    "junit",
    "output",
    "plot",
    "report",
    "summary",
    "table",
    "text",
    "trend",
    "words",
];

/// The digest as hexadecimal digits, and none where a source cannot be read.
pub fn digest(workspace: &Path) -> Option<String> {
    let mut code = BTreeMap::new();
    let model = workspace.join("nic-model/src/lib.rs");
    let runner = workspace.join("bench-runner/src/lib.rs");
    read(&model, &[], &mut code).ok()?;
    read(&runner, &SHOWS, &mut code).ok()?;
    let mut digest = Sha256::new();
    for (path, text) in &code {
        let name = path.strip_prefix(workspace).ok()?.to_string_lossy();
        for part in [name.as_bytes(), text.as_bytes()] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    let digits = digest.finalize().iter().map(|b| format!("{b:02x}")).collect();
    Some(digits)
}

/// Adds the code of a file, and of the files of its modules but `without`.
fn read(
    path: &Path,
    without: &[&str],
    code: &mut BTreeMap<PathBuf, String>,
) -> io::Result<()> {
    let text = fs::read_to_string(path)?;
    let mut file = syn::parse_file(&text).map_err(io::Error::other)?;
    Bare.visit_file_mut(&mut file);
    let is_shown = |item: &Item| matches!(item, Item::Mod(m) if without.iter().any(|w| m.ident == w));
    file.items.retain(|item| !is_shown(item));
    for item in &file.items {
        if let Item::Mod(ItemMod { ident, content: None, .. }) = item {
            read(&file_of(path, &ident.to_string())?, without, code)?;
        }
    }
    let mut words = String::new();
    write(file.to_token_stream(), &mut words);
    code.insert(path.to_owned(), words);
    Ok(())
}

/// Where the module of a file's module lies.
fn file_of(path: &Path, module: &str) -> io::Result<PathBuf> {
    let stem = path.file_stem().unwrap_or_default();
    let parent = path.parent().unwrap_or(Path::new(""));
    let folder = match stem.to_str() {
        Some("lib" | "mod") => parent.to_owned(),
        _ => parent.join(stem),
    };
    let beside = folder.join(format!("{module}.rs"));
    let inside = folder.join(module).join("mod.rs");
    [beside, inside].into_iter().find(|path| path.is_file()).ok_or_else(|| {
        io::Error::other(format!("{}: no file of {module}", path.display()))
    })
}

/// Tokens, each with a space behind it: how they were spaced is formatting.
fn write(tokens: TokenStream, words: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("( ", ") "),
                    proc_macro2::Delimiter::Brace => ("{ ", "} "),
                    proc_macro2::Delimiter::Bracket => ("[ ", "] "),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                words.push_str(open);
                write(group.stream(), words);
                words.push_str(close);
            }
            other => {
                words.push_str(&other.to_string());
                words.push(' ');
            }
        }
    }
}

/// Takes tests and documentation away.
struct Bare;

impl VisitMut for Bare {
    fn visit_file_mut(&mut self, file: &mut syn::File) {
        file.items.retain(is_built);
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut ItemMod) {
        if let Some((_, items)) = &mut module.content {
            items.retain(is_built);
        }
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        attributes.retain(|one| !one.path().is_ident("doc"));
    }
}

/// Whether an item is there outside tests.
fn is_built(item: &Item) -> bool {
    let attributes = match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Const(item) => &item.attrs,
        _ => return true,
    };
    !attributes.iter().any(|one| match &one.meta {
        Meta::List(list) => {
            list.path.is_ident("cfg") && list.tokens.to_string() == "test"
        }
        _ => false,
    })
}
