//! stub
pub fn run(_file: &std::path::Path) -> anyhow::Result<()> {
    Ok(())
}
