//! `cargo xtask ocsf`: compiles the published OCSF schema into `base/schema/src/ocsf/table.rs`.
//!
//! The schema is a folder of JSON files that lean on each other. Compiling goes in this order, as in OCSF's own compiler:
//! extension patches (an object file with `extends` and no name of its own) are laid over what they extend; `$include`
//! brings in a profile's attributes, marked with the profile; `extends` inherits attributes and, where there are none of its own, constraints;
//! each attribute is laid over its dictionary entry. A `"profile": null` takes the mark away again.
//!
//! Deterministic: names are sorted, so the same schema gives the same bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

type Json = Map<String, Value>;

/// Longest `extends` chain; the schema's is four. Ends a loop in a broken schema.
const EXTENDS_MAX: usize = 16;

/// Generates the table, and writes or checks it.
pub fn run(schema: &Path, table: &Path, check: bool) -> Result<()> {
    let text = generate(&Compiled::load(schema)?)?;
    crate::write_or_check(table, &text, check)
}

/// One object or class before inheritance.
#[derive(Clone, Default)]
struct Raw {
    name: String,
    caption: String,
    extends: Option<String>,
    category: Option<String>,
    uid: Option<u64>,
    extension: u64,
    attributes: Json,
    constraints: Option<Value>,
}

/// The schema after inheritance.
struct Compiled {
    version: String,
    categories: BTreeMap<u64, String>,
    category_ids: BTreeMap<String, u64>,
    objects: BTreeMap<String, Raw>,
    classes: BTreeMap<u64, Raw>,
    dictionary: Json,
    types: Json,
}

impl Compiled {
    fn load(root: &Path) -> Result<Self> {
        let version = text(&read(&root.join("version.json"))?, "version");
        let mut dictionary_file = read(&root.join("dictionary.json"))?;
        let mut dictionary = take(&mut dictionary_file, "attributes");
        let mut types = take(&mut take(&mut dictionary_file, "types"), "attributes");
        let mut categories = BTreeMap::from([(0, "Uncategorized".to_owned())]);
        let mut category_ids = BTreeMap::from([("other".to_owned(), 0)]);
        for (name, category) in take(&mut read(&root.join("categories.json"))?, "attributes") {
            let uid = category["uid"].as_u64().context("category without uid")?;
            categories.insert(uid, category["caption"].as_str().unwrap_or_default().to_owned());
            category_ids.insert(name, uid);
        }

        let mut objects = BTreeMap::new();
        let mut events = BTreeMap::new();
        load_folder(root, &root.join("objects"), 0, &mut objects)?;
        load_folder(root, &root.join("events"), 0, &mut events)?;
        for extension in folders(&root.join("extensions"))? {
            let uid = read(&extension.join("extension.json"))?["uid"].as_u64().context("extension without uid")?;
            if let Ok(mut file) = read(&extension.join("dictionary.json")) {
                dictionary.extend(take(&mut file, "attributes"));
                types.extend(take(&mut take(&mut file, "types"), "attributes"));
            }
            let (mut own_objects, mut own_events) = (BTreeMap::new(), BTreeMap::new());
            load_folder(root, &extension.join("objects"), uid, &mut own_objects)?;
            load_folder(root, &extension.join("events"), uid, &mut own_events)?;
            lay_over(&mut objects, own_objects);
            lay_over(&mut events, own_events);
        }

        let mut classes = BTreeMap::new();
        for name in events.keys() {
            let event = inherit(&events, name, 0)?;
            let Some(uid) = event.uid.or((name == "base_event").then_some(0)) else { continue };
            let category = event.category.clone().unwrap_or_default();
            let category = *category_ids.get(&category).with_context(|| format!("category `{category}`"))?;
            classes.insert(event.extension * 100_000 + category * 1000 + uid, event);
        }
        let names: Vec<String> = objects.keys().cloned().collect();
        let objects = names.into_iter().map(|name| Ok((name.clone(), inherit(&objects, &name, 0)?)));
        let objects = objects.collect::<Result<_>>()?;
        Ok(Self { version, categories, category_ids, objects, classes, dictionary, types })
    }
}

/// Reads every object or class file below a folder, with its `$include`s brought in.
fn load_folder(root: &Path, folder: &Path, extension: u64, into: &mut BTreeMap<String, Raw>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in entries(folder)? {
        if entry.is_dir() {
            load_folder(root, &entry, extension, into)?;
            continue;
        }
        if entry.extension().is_none_or(|ext| ext != "json") {
            continue;
        }
        let mut file = read(&entry)?;
        let mut attributes = take(&mut file, "attributes");
        if let Some(includes) = attributes.remove("$include") {
            let own = std::mem::take(&mut attributes);
            for include in includes.as_array().context("$include is no list")? {
                let include = include.as_str().context("$include holds no path")?;
                attributes = merge(attributes, profile(root, folder, extension, include)?);
            }
            attributes = merge(attributes, own);
        }
        let extends = file.get("extends").and_then(Value::as_str).map(str::to_owned);
        let name = match (file.get("name").and_then(Value::as_str), &extends) {
            (Some(name), _) => name.to_owned(),
            (None, Some(patched)) => patched.clone(),
            (None, None) => bail!("{} has neither name nor extends", entry.display()),
        };
        let raw = Raw {
            caption: text(&file, "caption"),
            extends,
            category: file.get("category").and_then(Value::as_str).map(str::to_owned),
            uid: file.get("uid").and_then(Value::as_u64),
            extension,
            attributes,
            constraints: file.get("constraints").cloned(),
            name: name.clone(),
        };
        into.insert(name, raw);
    }
    Ok(())
}

/// A profile's attributes, marked with its name.
fn profile(root: &Path, folder: &Path, extension: u64, include: &str) -> Result<Json> {
    // An extension's own profiles stand beside its objects.
    let beside = folder.parent().map(|parent| parent.join(include));
    let path = beside.filter(|path| extension > 0 && path.is_file()).unwrap_or_else(|| root.join(include));
    let mut file = read(&path)?;
    let name = text(&file, "name");
    let mut attributes = take(&mut file, "attributes");
    for attribute in attributes.values_mut().filter_map(Value::as_object_mut) {
        attribute.entry("profile").or_insert_with(|| Value::String(name.clone()));
    }
    Ok(attributes)
}

/// Lays an extension's files over the base: patches merge, new names are added.
fn lay_over(base: &mut BTreeMap<String, Raw>, extension: BTreeMap<String, Raw>) {
    for (name, raw) in extension {
        match base.get_mut(&name) {
            Some(patched) => {
                patched.attributes = merge(std::mem::take(&mut patched.attributes), raw.attributes);
                patched.constraints = raw.constraints.or(patched.constraints.take());
            }
            None => {
                base.insert(name, raw);
            }
        }
    }
}

fn inherit(all: &BTreeMap<String, Raw>, name: &str, depth: usize) -> Result<Raw> {
    let mut own = all.get(name).with_context(|| format!("`{name}` is extended and not there"))?.clone();
    if depth > EXTENDS_MAX {
        bail!("`{name}` extends itself");
    }
    if let Some(parent) = own.extends.clone() {
        let parent = inherit(all, &parent, depth + 1)?;
        own.attributes = merge(parent.attributes, own.attributes);
        own.constraints = own.constraints.or(parent.constraints);
        own.category = own.category.or(parent.category);
    }
    Ok(own)
}

/// Deep merge; `over` wins.
fn merge(mut under: Json, over: Json) -> Json {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => *old = merge(std::mem::take(old), new),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
    under
}

/// Rows of the table, each stored once.
#[derive(Default)]
struct Rows {
    index: BTreeMap<String, usize>,
    rows: Vec<String>,
}

impl Rows {
    fn intern(&mut self, row: String) -> usize {
        let next = self.rows.len();
        let at = *self.index.entry(row.clone()).or_insert(next);
        if at == next {
            self.rows.push(row);
        }
        at
    }
}

fn generate(schema: &Compiled) -> Result<String> {
    let object_ids: BTreeMap<&str, usize> =
        schema.objects.keys().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let mut attributes = Rows::default();
    let mut choices = Rows::default();
    choices.intern("&[]".to_owned());
    let mut list = |raw: &Raw| -> Result<String> {
        let mut indices = Vec::new();
        for (name, attribute) in &raw.attributes {
            let row = attribute_row(schema, &object_ids, &mut choices, name, attribute)
                .with_context(|| format!("`{}.{name}`", raw.name))?;
            indices.push(attributes.intern(row).to_string());
        }
        Ok(format!("&[{}]", indices.join(",")))
    };

    let mut objects = String::new();
    for (name, raw) in &schema.objects {
        let attributes = if name == "object" { "&[]".to_owned() } else { list(raw)? };
        writeln!(
            objects,
            "    Object {{ name: {name:?}, constraints: {}, attributes: {attributes} }},",
            constraints(raw)
        )?;
    }
    let mut classes = String::new();
    for (uid, raw) in &schema.classes {
        let category = raw.category.as_deref().and_then(|name| schema.category_ids.get(name)).copied().unwrap_or(0);
        let attributes = list(raw)?;
        writeln!(
            classes,
            "    Class {{ uid: {uid}, name: {:?}, caption: {:?}, category: {category}, constraints: {}, attributes: {attributes} }},",
            raw.name,
            raw.caption,
            constraints(raw),
        )?;
    }

    let mut out = format!(
        "// Written by `cargo xtask ocsf`; do not edit.\n\
         //! The OCSF schema as rows. Made from github.com/ocsf/ocsf-schema {0}, \
         Copyright OCSF a Series of LF Projects, LLC, Apache-2.0.\n\n\
         use super::types::{{Attribute, Class, Constraints, Object, Requirement, Type}};\n\
         use Requirement::{{Optional as O, Recommended as R, Required as Q}};\n\
         use Type::*;\n\n\
         /// Version of the schema.\npub const VERSION: &str = {0:?};\n\n\
         const NONE: Constraints = Constraints {{ at_least_one: &[], just_one: &[] }};\n\n\
         const fn any(names: &'static [&'static str]) -> Constraints {{\n    \
         Constraints {{ at_least_one: names, just_one: &[] }}\n}}\n\n\
         const fn one(names: &'static [&'static str]) -> Constraints {{\n    \
         Constraints {{ at_least_one: &[], just_one: names }}\n}}\n\n\
         const fn a(name: &'static str, kind: Type, array: u8, requirement: Requirement, profile: &'static str, old: u8, choices: u16) -> Attribute {{\n    \
         Attribute {{ name, kind, array: array == 1, requirement, profile, deprecated: old == 1, choices }}\n}}\n\n",
        schema.version
    );
    let mut section = |doc: &str, name: &str, kind: &str, rows: &str| -> Result<()> {
        writeln!(out, "/// {doc}\npub(super) static {name}: &[{kind}] = &[\n{rows}];\n")?;
        Ok(())
    };
    let categories: String =
        schema.categories.iter().map(|(uid, caption)| format!("    ({uid}, {caption:?}),\n")).collect();
    section("Categories, sorted by uid.", "CATEGORIES", "(u32, &str)", &categories)?;
    section("Allowed values with captions.", "CHOICES", "&[(&str, &str)]", &lines(&choices.rows))?;
    section("Attributes, each once.", "ATTRIBUTES", "Attribute", &lines(&attributes.rows))?;
    section("Objects, sorted by name.", "OBJECTS", "Object", &objects)?;
    section("Classes, sorted by uid.", "CLASSES", "Class", &classes)?;
    out.truncate(out.trim_end().len());
    out.push('\n');
    Ok(out)
}

fn lines(rows: &[String]) -> String {
    rows.iter().map(|row| format!("    {row},\n")).collect()
}

fn attribute_row(
    schema: &Compiled,
    object_ids: &BTreeMap<&str, usize>,
    choices: &mut Rows,
    name: &str,
    own: &Value,
) -> Result<String> {
    let base = schema.dictionary.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let whole = merge(base, own.as_object().context("is no object")?.clone());
    let kind = whole.get("type").and_then(Value::as_str).context("has no type")?;
    let kind = match (object_ids.get(kind), schema.types.contains_key(kind)) {
        (Some(at), _) => format!("Object({at})"),
        (None, true) => camel(kind),
        (None, false) => bail!("has the unknown type `{kind}`"),
    };
    let array = whole.get("is_array").and_then(Value::as_bool).unwrap_or(false);
    let requirement = match whole.get("requirement").and_then(Value::as_str) {
        Some("required") => "Q",
        Some("recommended") => "R",
        _ => "O",
    };
    let profile = whole.get("profile").and_then(Value::as_str).unwrap_or_default();
    let old = whole.contains_key("@deprecated");
    let allowed = match whole.get("enum").and_then(Value::as_object) {
        Some(values) => {
            let each = values
                .iter()
                .map(|(value, entry)| format!("({value:?},{:?})", entry["caption"].as_str().unwrap_or(value)));
            choices.intern(format!("&[{}]", each.collect::<Vec<_>>().join(",")))
        }
        None => 0,
    };
    Ok(format!("a({name:?},{kind},{},{requirement},{profile:?},{},{allowed})", u8::from(array), u8::from(old)))
}

fn constraints(raw: &Raw) -> String {
    let names = |key: &str| -> Option<String> {
        let list = raw.constraints.as_ref()?.get(key)?.as_array()?;
        let names: Vec<String> = list.iter().filter_map(Value::as_str).map(|name| format!("{name:?}")).collect();
        Some(format!("&[{}]", names.join(",")))
    };
    match (names("at_least_one"), names("just_one")) {
        (Some(any), None) => format!("any({any})"),
        (None, Some(one)) => format!("one({one})"),
        (Some(any), Some(one)) => format!("Constraints {{ at_least_one: {any}, just_one: {one} }}"),
        (None, None) => "NONE".to_owned(),
    }
}

/// `file_path_t` → `FilePathT`.
fn camel(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect()
}

fn read(path: &Path) -> Result<Json> {
    let bytes = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("`{}` is not JSON", path.display()))
}

fn take(json: &mut Json, key: &str) -> Json {
    match json.remove(key) {
        Some(Value::Object(object)) => object,
        _ => Json::new(),
    }
}

fn text(json: &Json, key: &str) -> String {
    json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let list = fs::read_dir(folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
    let mut paths = list.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn folders(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}
