//! A folder of results: pictures in every format, whole files or none.

use std::path::Path;

use windtunnel_lab::figure::Figure;

use crate::error::Error;

/// Names of files, with what they hold.
pub type Files = Vec<(String, String)>;

/// Writes a figure in every format; returns the files and what they are.
pub fn draw(out: &Path, stem: &str, what: &str, figure: &Figure) -> Result<Files, Error> {
    let failed = |error: windtunnel_lab::figure::Error| Error::Failed(error.to_string());
    let formats = [
        ("csv", "every point", figure.csv().into_bytes()),
        ("svg", "for the web", figure.svg().into_bytes()),
        ("pdf", "for a paper", figure.pdf().map_err(failed)?),
        ("png", "as pixels", figure.png(2.0).map_err(failed)?),
    ];
    let mut files = Vec::new();
    for (extension, purpose, bytes) in formats {
        let name = format!("{stem}.{extension}");
        write(out, &name, &bytes)?;
        files.push((name, format!("{what}, {purpose}")));
    }
    Ok(files)
}

/// Makes a folder unless it is there.
pub fn create(dir: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(dir).map_err(|cause| {
        let dir = dir.display();
        Error::Usage(format!("cannot make the folder {dir} ({cause}); name another with --out DIR"))
    })
}

/// Writes through a temporary name, so that a reader never sees half a file.
pub fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = dir.join(name);
    let temporary = dir.join(format!(".{name}.{}", std::process::id()));
    let done = std::fs::write(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, &path));
    done.map_err(|cause| Error::Write { path: path.display().to_string(), cause })
}
