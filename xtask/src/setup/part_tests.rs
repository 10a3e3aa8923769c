use super::*;
use crate::setup::pins::{Archive, Format, Link, Target, Variable};

/// Puts a small archive with two files where it is asked to.
struct Fake;

impl Fetch for Fake {
    fn fetch(&self, archive: &Archive, into: &Path) -> Result<PathBuf> {
        let file = into.join("thing");
        fs::copy(fixture(into.parent().context("no parent")?, archive.format)?, &file)?;
        Ok(file)
    }
}

/// An archive made once per folder, so that its hash is known before it is "downloaded".
fn fixture(folder: &Path, format: Format) -> Result<PathBuf> {
    let file = folder.join(format!("origin.{}", format.ending()));
    if !file.exists() {
        let make = "import io, sys, tarfile, zipfile\n\
            wheel = sys.argv[1].endswith('.whl')\n\
            pack = zipfile.ZipFile(sys.argv[1], 'w') if wheel else tarfile.open(sys.argv[1], 'w:gz')\n\
            for name, text in ('thing/lib/libthing.so.1', b'code'), ('thing/extra/libgpu.so', b'gpu'):\n\
            \x20   entry = tarfile.TarInfo(name)\n\
            \x20   entry.size = len(text)\n\
            \x20   pack.writestr(name, text) if wheel else pack.addfile(entry, io.BytesIO(text))\n\
            pack.close()";
        crate::shell::read(Command::new("python3").args(["-c", make]).arg(&file))?;
    }
    Ok(file)
}

fn take(files: &str) -> Take {
    Take {
        archive: "thing".into(),
        strip: "thing/".into(),
        into: String::new(),
        files: vec![files.into()],
    }
}

fn pins(origin: &Path, format: Format) -> Pins {
    let archive = Archive {
        name: "thing".into(),
        version: "1".into(),
        sha256: hash::of_file(origin).unwrap(),
        bytes: 1,
        format,
    };
    let (wheels, sources) = match format {
        Format::Wheel => (vec![archive], vec![]),
        Format::Source => (vec![], vec![archive]),
    };
    let part = PartPin {
        dir: "thing".into(),
        env: None,
        links: vec![Link { from: "lib/libthing.so".into(), to: "libthing.so.1".into() }],
        takes: vec![take("thing/lib/*")],
        cuda_takes: vec![take("thing/extra/*")],
    };
    Pins {
        target: Target { python: "311".into(), platforms: vec![] },
        wheels,
        sources,
        parts: vec![part],
    }
}

struct Place {
    root: tempfile::TempDir,
    pins: Pins,
}

impl Place {
    fn new() -> Self {
        Self::of(Format::Wheel)
    }

    fn of(format: Format) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("cache")).unwrap();
        let origin = fixture(&root.path().join("cache"), format).unwrap();
        let pins = pins(&origin, format);
        Self { root, pins }
    }

    fn deps(&self) -> PathBuf {
        self.root.path().join("deps")
    }

    fn part(&self, scope: Scope) -> Part<'_> {
        wanted(&self.pins, &self.deps(), scope).remove(0)
    }

    fn install(&self, scope: Scope) -> Result<()> {
        let store = Store::new(self.root.path().join("cache"), Fake)?;
        self.part(scope).install(&self.pins, &store)
    }
}

#[test]
fn a_part_is_missing_then_ready() {
    for format in [Format::Wheel, Format::Source] {
        let place = Place::of(format);
        assert!(place.part(Scope::Cpu).is_missing());
        place.install(Scope::Cpu).unwrap();
        assert_eq!(place.part(Scope::Cpu).standing(), &Standing::Ready);
        let linked = place.deps().join("thing/lib/libthing.so");
        assert_eq!(fs::read_to_string(linked).unwrap(), "code");
    }
}

#[test]
fn an_interrupted_setup_is_taken_up_again() {
    let place = Place::new();
    let leftover = place.deps().join(".thing.new/lib");
    fs::create_dir_all(&leftover).unwrap();
    fs::write(leftover.join("libthing.so.1"), "ha").unwrap();
    assert!(place.part(Scope::Cpu).is_missing());
    place.install(Scope::Cpu).unwrap();
    let names: Vec<_> =
        fs::read_dir(place.deps()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["thing"]);
}

#[test]
fn cuda_is_added_and_satisfies_the_plain_setup() {
    let place = Place::new();
    place.install(Scope::Cpu).unwrap();
    assert!(place.part(Scope::Cuda).is_missing());
    place.install(Scope::Cuda).unwrap();
    assert!(!place.part(Scope::Cuda).is_missing());
    assert!(!place.part(Scope::Cpu).is_missing());
    assert!(place.deps().join("thing/extra/libgpu.so").exists());
}

#[test]
fn other_pins_make_a_part_missing() {
    let mut place = Place::new();
    place.install(Scope::Cpu).unwrap();
    place.pins.parts[0].takes[0].files.push("thing/more/*".into());
    assert!(place.part(Scope::Cpu).is_missing());
}

#[test]
fn a_pattern_that_matches_nothing_is_an_error_and_nothing_is_installed() {
    let mut place = Place::new();
    place.pins.parts[0].takes.push(take("thing/none/*"));
    let error = place.install(Scope::Cpu).unwrap_err();
    assert!(error.to_string().contains("thing/none/*"), "{error}");
    assert!(!place.deps().join("thing").exists());
}

#[test]
fn the_users_own_copy_wins() {
    let mut place = Place::new();
    // Any variable that is set and does not point into the folder will do.
    place.pins.parts[0].env = Some(Variable { name: "PATH".into(), ours: "thing".into() });
    let part = place.part(Scope::Cpu);
    assert!(matches!(part.standing(), Standing::Foreign { variable, .. } if variable == "PATH"));
}
