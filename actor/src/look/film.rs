//! Pictures of episodes in a GIF, or in a folder of PNGs.

use super::caption::Caption;
use super::{Audience, Error, Moment, Reporter};
use envs::picture::{Frame, Painter};
use envs::{Env, TaskFamily};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// How fast colours are chosen for a GIF, from 1 (best) to 30; the encoder's advice.
const PALETTE_SPEED: i32 = 10;

/// What pictures are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pictures {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Steps from one picture to the next; the last moment of an episode has one in any case.
    pub every: u32,
    /// Pictures shown in a second, by a GIF.
    pub per_second: u16,
}

/// Where pictures go.
pub enum Output {
    /// Into one animation. It has another name until it is complete.
    Gif {
        /// The file.
        path: PathBuf,
        /// What it is until then.
        unfinished: Unfinished,
        /// What is written to it.
        encoder: Box<gif::Encoder<BufWriter<File>>>,
    },
    /// Each into a file of this folder: `episode-0-step-0000.png` and so on.
    Folder(PathBuf),
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gif { path, .. } => write!(f, "Gif({})", path.display()),
            Self::Folder(folder) => write!(f, "Folder({})", folder.display()),
        }
    }
}

impl Output {
    /// A GIF if the name ends in `.gif`, a folder if it has no such ending. A folder is made if
    /// need be.
    ///
    /// # Errors
    /// [`Error::Format`] for other endings, [`Error::Write`].
    pub fn open(path: &Path, pictures: Pictures) -> Result<Self, Error> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            Some("gif") => Self::gif(path, pictures),
            Some(_) if !path.is_dir() => {
                let extension = extension.unwrap_or_default();
                Err(Error::Format { path: path.to_owned(), extension })
            }
            _ => {
                std::fs::create_dir_all(path).map_err(|error| unwritten(path, error))?;
                Ok(Self::Folder(path.to_owned()))
            }
        }
    }

    fn gif(path: &Path, pictures: Pictures) -> Result<Self, Error> {
        let mut unfinished = path.to_owned().into_os_string();
        unfinished.push(".part");
        let unfinished = Unfinished(PathBuf::from(unfinished));
        let file = File::create(&unfinished.0).map_err(|error| unwritten(&unfinished.0, error))?;
        let out = BufWriter::new(file);
        let encoder = gif::Encoder::new(out, pictures.width, pictures.height, &[]);
        let mut encoder = encoder.map_err(|error| unwritten(path, error))?;
        let repeated = encoder.set_repeat(gif::Repeat::Infinite);
        repeated.map_err(|error| unwritten(path, error))?;
        Ok(Self::Gif { path: path.to_owned(), unfinished, encoder: Box::new(encoder) })
    }

    fn add(&mut self, frame: &Frame, pictures: Pictures, moment: &Moment<'_>) -> Result<(), Error> {
        let Pictures { width, height, .. } = pictures;
        match self {
            Self::Gif { path, encoder, .. } => {
                let mut shown =
                    gif::Frame::from_rgb_speed(width, height, &frame.pixels, PALETTE_SPEED);
                // In hundredths of a second; the last moment of an episode stays for a second.
                shown.delay = match moment.is_last() {
                    true => 100,
                    false => (100 / pictures.per_second).max(1),
                };
                encoder.write_frame(&shown).map_err(|error| unwritten(path, error))
            }
            Self::Folder(folder) => {
                let name = format!("episode-{}-step-{:04}.png", moment.episode, moment.steps);
                let path = folder.join(name);
                write_png(&path, frame, pictures).map_err(|error| unwritten(&path, error))
            }
        }
    }

    /// Completes what was written and says where it is.
    fn close(self) -> Result<PathBuf, Error> {
        match self {
            Self::Folder(folder) => Ok(folder),
            Self::Gif { path, unfinished, encoder } => {
                let mut out = encoder.into_inner().map_err(|error| unwritten(&path, error))?;
                out.flush().map_err(|error| unwritten(&path, error))?;
                std::fs::rename(&unfinished.0, &path).map_err(|error| unwritten(&path, error))?;
                Ok(path)
            }
        }
    }
}

/// A file that is deleted if it is not given its name.
#[derive(Debug)]
pub struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Nothing to delete is what is wanted; where it cannot be, its name says what it is.
        std::fs::remove_file(&self.0).ok();
    }
}

fn write_png(path: &Path, frame: &Frame, size: Pictures) -> Result<(), png::EncodingError> {
    let out = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(out, size.width.into(), size.height.into());
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&frame.pixels)?;
    writer.finish()
}

fn unwritten(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::Write { path: path.to_owned(), got: error.to_string() }
}

/// Makes pictures of what it sees, and has a reporter tell of it.
#[derive(Debug)]
pub struct Film<W> {
    caption: Caption,
    pictures: Pictures,
    painter: Painter,
    output: Output,
    count: u32,
    reporter: Reporter<W>,
}

impl<W: Write> Film<W> {
    /// Of episodes of `family`, into `output`.
    #[must_use]
    pub fn new(
        family: &dyn TaskFamily,
        pictures: Pictures,
        output: Output,
        reporter: Reporter<W>,
    ) -> Self {
        let painter = Painter::new(pictures.width.into(), pictures.height.into());
        Self { caption: Caption::of(family), pictures, painter, output, count: 0, reporter }
    }

    /// Completes the film and says where it is.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(mut self) -> Result<(), Error> {
        let path = self.output.close()?;
        self.reporter.tell(&super::Event::Pictures { path: path.into(), count: self.count })
    }
}

impl<W: Write> Audience for Film<W> {
    fn see(&mut self, moment: &Moment<'_>, env: &mut dyn Env) -> Result<(), Error> {
        if moment.steps.is_multiple_of(self.pictures.every as usize) || moment.is_last() {
            let mut frame = self.painter.paint(env.scene())?;
            self.caption.write(&mut frame, moment);
            self.output.add(&frame, self.pictures, moment)?;
            self.count += 1;
        }
        self.reporter.see(moment, env)
    }
}
