use super::*;
use crate::{EncoderSpec, PolicySpec, init};
use proptest::prelude::*;
use types::{Role, stream};

fn spec() -> AgentSpec {
    let policy = PolicySpec { observation: 3, latent: 2, action: 2, hidden: vec![4, 5] };
    let encoder = EncoderSpec::gaussian_product([3, 2], true, vec![6], 2);
    AgentSpec { policy, encoder }
}

fn params() -> Params {
    let networks = spec().networks();
    init::networks(&networks, &mut stream(1, Role::Initialise, 0, 0)).unwrap()
}

fn written(change: impl FnOnce(&mut Vec<Tensor>, &mut BTreeMap<String, String>)) -> Vec<u8> {
    let bytes = write_agent(&spec(), &params()).unwrap();
    let (mut params, mut metadata) = Params::from_bytes(&bytes).unwrap();
    change(&mut params.tensors, &mut metadata);
    params.to_bytes(&metadata)
}

fn refusal(bytes: &[u8]) -> String {
    read_agent(bytes).unwrap_err().to_string()
}

#[test]
fn an_agent_survives_its_bytes_and_they_are_always_the_same() {
    let bytes = write_agent(&spec(), &params()).unwrap();
    assert_eq!(read_agent(&bytes).unwrap(), (spec(), params()));
    assert_eq!(bytes, write_agent(&spec(), &params()).unwrap());
    assert_eq!(bytes, written(|_, _| ()));
}

#[test]
fn every_refusal_names_the_tensor_with_expected_and_got() {
    let missing = written(|tensors, _| drop(tensors.remove(1)));
    assert_eq!(refusal(&missing), "tensor policy.0.bias: expected shape [4], got no such tensor");
    let extra = written(|tensors, _| {
        tensors.push(Tensor::new("q1.0.bias".to_owned(), vec![1], vec![0.]).unwrap());
    });
    assert!(refusal(&extra).starts_with("tensor q1.0.bias: expected no such tensor"));
    let shape = written(|tensors, _| tensors[0].shape.reverse());
    assert_eq!(refusal(&shape), "tensor policy.0.weight: expected shape [4, 5], got [5, 4]");
    let infinite = written(|tensors, _| tensors[2].data[7] = f32::INFINITY);
    assert_eq!(
        refusal(&infinite),
        "tensor policy.1.weight: expected finite numbers, got inf at position 7"
    );
}

#[test]
fn wrong_metadata_is_refused_before_the_tensors_are_looked_at() {
    let future = written(|_, metadata| drop(metadata.insert("version".into(), "2".into())));
    assert_eq!(refusal(&future), "metadata \"version\": expected 1, got 2");
    let absurd = written(|_, metadata| {
        let json = metadata["spec"].replace("[4,5]", "[4,4000000000000]");
        metadata.insert("spec".into(), json);
    });
    assert_eq!(refusal(&absurd), "policy.hidden: expected 1 to 65536, got 4000000000000");
    let torn = written(|_, metadata| {
        let json = metadata["spec"].replacen("\"latent\":2", "\"latent\":3", 1);
        metadata.insert("spec".into(), json);
    });
    assert_eq!(refusal(&torn), "encoder.outputs: expected 3 as in the policy, got 2");
}

#[test]
fn half_precision_is_read_and_integers_are_not() {
    let file = |dtype: &str| {
        let header =
            format!("{{\"x\":{{\"dtype\":\"{dtype}\",\"shape\":[2],\"data_offsets\":[0,4]}}}}");
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend([0xc0, 0x3f, 0x00, 0xc0]);
        bytes
    };
    let (params, _) = Params::from_bytes(&file("BF16")).unwrap();
    assert_eq!(params.tensors()[0].data(), [1.5, -2.]);
    let refused = Params::from_bytes(&file("I16")).unwrap_err();
    assert_eq!(refused.to_string(), "tensor x: expected numbers of type F32 or BF16, got I16");
}

fn tensors() -> impl Strategy<Value = Vec<(String, Vec<usize>)>> {
    let names = prop::collection::hash_set("[a-zé\"\\\\.0-9]{1,8}", 0..6);
    let shapes = prop::collection::vec(prop::collection::vec(1usize..5, 0..4), 6);
    (names, shapes).prop_map(|(names, shapes)| names.into_iter().zip(shapes).collect())
}

proptest! {
    #[test]
    fn any_parameters_survive_their_bytes(shapes in tensors(), note in ".{0,20}", seed: u32) {
        let tensor = |(name, shape): (String, Vec<usize>)| {
            let count = numbers(&shape).unwrap();
            let data = (0..).take(count).map(|i: u32| f32::from_bits((seed >> 2) + i));
            Tensor::new(name, shape, data.collect()).unwrap()
        };
        let params = Params::new(shapes.into_iter().map(tensor).collect()).unwrap();
        let metadata = BTreeMap::from([("note".to_owned(), note)]);
        let bytes = params.to_bytes(&metadata);
        let read = Params::from_bytes(&bytes).unwrap();
        prop_assert_eq!(read, (params, metadata));
    }

    #[test]
    fn damaged_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        keep in any::<prop::sample::Index>(),
        cut: bool,
    ) {
        let mut bytes = write_agent(&spec(), &params()).unwrap();
        for (index, byte) in changes {
            let position = index.index(bytes.len());
            bytes[position] = byte;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        let read = read_agent(&bytes);
        prop_assert!(!cut || read.is_err());
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read_agent(&bytes).is_err());
    }
}
