use super::*;

#[test]
fn the_file_holds_all_there_is() {
    let folder = tempfile::tempdir().unwrap();
    for plan in [
        Plan { components: true, ..Plan::default() },
        Plan { base_tasks: false, changes: true, ..Plan::default() },
    ] {
        let latents = seen(&plan, &GAUSSIAN);
        write(folder.path(), &latents).unwrap();
        assert_eq!(read(&path(folder.path(), 7)).unwrap(), latents);
    }
    assert_eq!(numbers(folder.path()).unwrap(), [7]);
    assert!(numbers(&folder.path().join("elsewhere")).unwrap().is_empty());
}

#[test]
fn a_file_that_is_none_of_ours_is_refused_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("1.safetensors");
    let error = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        read(&file).unwrap_err().to_string()
    };
    let whole = to_bytes(&seen(&Plan::default(), &GAUSSIAN)).unwrap();
    for (bytes, wanted) in [
        (&b"text"[..], "got "),
        (&whole[..whole.len() - 8], "got "),
        (
            &safetensors::serialize::<&str, safetensors::tensor::TensorView<'_>, _>([], None)
                .unwrap(),
            "mean",
        ),
    ] {
        let error = error(bytes);
        assert!(error.contains("1.safetensors: expected the beliefs"), "{error}");
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn the_projector_finds_a_line_of_names_and_one_for_each_moment() {
    let folder = tempfile::tempdir().unwrap();
    let latents = seen(&Plan::default(), &GAUSSIAN);
    write(folder.path(), &latents).unwrap();
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let config = text("projector_config.pbtxt");
    let named: Vec<&str> = config.split('"').skip(1).step_by(2).collect();
    assert_eq!(named, ["latents", "projector/tensors.tsv", "projector/metadata.tsv"]);
    let (tensors, metadata) = (text(named[1]), text(named[2]));
    assert_eq!(tensors.lines().count(), latents.moments.len());
    assert_eq!(metadata.lines().count(), latents.moments.len() + 1);
    let mean: Vec<f32> =
        tensors.lines().next().unwrap().split('\t').map(|x| x.parse().unwrap()).collect();
    assert_eq!(mean, latents.moments[0].mean);
    let widths: Vec<usize> = metadata.lines().map(|line| line.split('\t').count()).collect();
    assert!(widths.iter().all(|width| *width == 6 + 3), "{metadata}");
    let left: Vec<_> = std::fs::read_dir(folder.path().join("latents")).unwrap().collect();
    assert_eq!(left.len(), 2, "a file and its picture, nothing half-written");
}
