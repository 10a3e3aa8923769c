//! Manifests for Kubernetes, checked without a cluster: against the published schemas, and against
//! each other. The schemas are those of the crate `k8s-openapi`, which is generated from the OpenAPI
//! document of a release of Kubernetes.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod launch;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use launch::*;
use schemars::schema_for;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Renders with options; every manifest in it.
fn rendered(folder: &Path, options: &[&str]) -> Vec<Value> {
    let mut render = coordinator(["render", "--target", "kubernetes", "--actors", "6", "-o"]);
    succeed(render.arg(folder).args(options).args(small(&["name=My_run.2"])));
    let list = std::fs::read_to_string(folder.join("kustomization.yaml")).unwrap();
    let list: Value = serde_norway::from_str(&list).unwrap();
    let files = list["resources"].as_array().unwrap().iter();
    let texts =
        files.map(|file| std::fs::read_to_string(folder.join(file.as_str().unwrap())).unwrap());
    let documents = |text: String| {
        let documents = serde_norway::Deserializer::from_str(&text)
            .map(|document| <Value as serde::Deserialize>::deserialize(document).unwrap());
        documents.collect::<Vec<_>>()
    };
    texts.flat_map(documents).collect()
}

fn schema(manifest: &Value) -> Value {
    let (version, kind) = (&manifest["apiVersion"], &manifest["kind"]);
    let schema = match (version.as_str().unwrap(), kind.as_str().unwrap()) {
        ("v1", "ConfigMap") => schema_for!(ConfigMap),
        ("v1", "Service") => schema_for!(Service),
        ("apps/v1", "StatefulSet") => schema_for!(StatefulSet),
        ("apps/v1", "Deployment") => schema_for!(Deployment),
        ("autoscaling/v2", "HorizontalPodAutoscaler") => schema_for!(HorizontalPodAutoscaler),
        ("networking.k8s.io/v1", "NetworkPolicy") => schema_for!(NetworkPolicy),
        ("policy/v1", "PodDisruptionBudget") => schema_for!(PodDisruptionBudget),
        other => panic!("no schema is known for {other:?}"),
    };
    schema.to_value()
}

/// What is wrong with `value`, by its schema. Keys that the schema does not know are wrong.
fn violations(value: &Value, schema: &Value, root: &Value, path: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        return violations(value, target, root, path);
    }
    for form in ["anyOf", "oneOf", "allOf"] {
        if let Some(forms) = schema[form].as_array() {
            let all = forms.iter().map(|form| violations(value, form, root, path));
            return all.min_by_key(Vec::len).unwrap();
        }
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        Value::Null => vec![],
        kind => vec![kind.clone()],
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(value, kind.as_str().unwrap())) {
        return vec![format!("{path}: expected {kinds:?}, got {value}")];
    }
    match value {
        Value::Object(entries) => {
            let known = schema["properties"].as_object();
            let others = &schema["additionalProperties"];
            let missing = schema["required"].as_array().into_iter().flatten();
            let missing = missing.filter(|key| !entries.contains_key(key.as_str().unwrap()));
            let mut found: Vec<String> =
                missing.map(|key| format!("{path}: {key} is missing")).collect();
            for (key, value) in entries {
                let path = format!("{path}.{key}");
                match known.and_then(|known| known.get(key)) {
                    Some(schema) => found.extend(violations(value, schema, root, &path)),
                    None if others.is_object() => {
                        found.extend(violations(value, others, root, &path));
                    }
                    None if known.is_none() => {}
                    None => found.push(format!("{path}: unknown")),
                }
            }
            found
        }
        Value::Array(items) => {
            let each = items.iter().enumerate();
            each.flat_map(|(index, item)| {
                violations(item, &schema["items"], root, &format!("{path}[{index}]"))
            })
            .collect()
        }
        _ => vec![],
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("unknown type {other}"),
    }
}

fn check(manifest: &Value) -> Vec<String> {
    let schema = schema(manifest);
    let name = format!("{} {}", manifest["kind"], manifest["metadata"]["name"]);
    violations(manifest, &schema, &schema, &name)
}

#[test]
fn manifests_follow_the_published_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let variants: [(&str, &[&str]); 2] = [
        (
            "guarded",
            &["--gpu", "--max-actors", "9", "--namespace", "lab", "--storage-class", "ssd"],
        ),
        ("insecure", &["--insecure"]),
    ];
    for (name, options) in variants {
        let manifests = rendered(&folder.path().join(name), options);
        assert!(manifests.len() >= 9, "{name}: {}", manifests.len());
        for manifest in &manifests {
            assert_eq!(check(manifest), Vec::<String>::new(), "{name}");
        }
        check_references(&manifests);
        if installed("kubectl") {
            let built =
                Command::new("kubectl").arg("kustomize").arg(folder.path().join(name)).output();
            let built = built.unwrap();
            assert!(built.status.success(), "{}", said(&built));
        } else {
            skip("kubectl kustomize", "there is no kubectl");
        }
    }
}

#[test]
fn the_check_finds_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = rendered(folder.path(), &["--insecure"]);
    let learner = manifests.iter().find(|manifest| {
        manifest["kind"] == "StatefulSet" && manifest["metadata"]["name"] == "my-run-2-learner"
    });
    let learner = learner.unwrap();
    type Mistake = fn(&mut Value);
    let mistakes: [(&str, Mistake); 4] = [
        ("/spec/template/spec/containers/0", |c| c["imagePullPolice"] = json!("Always")),
        ("/spec/template/spec/containers/0", |c| {
            c.as_object_mut().unwrap().remove("name");
        }),
        ("/spec/template/spec", |s| s["terminationGracePeriodSeconds"] = json!("30")),
        ("/spec", |s| s["volumeClaimTemplates"] = json!({"name": "run"})),
    ];
    for (place, make) in mistakes {
        let mut wrong = learner.clone();
        make(wrong.pointer_mut(place).unwrap());
        assert!(!check(&wrong).is_empty(), "{place}");
    }
}

/// What no schema says: names that have to be the same in several places.
fn check_references(manifests: &[Value]) {
    let of = |kind: &'static str| manifests.iter().filter(move |m| m["kind"] == kind);
    let workloads: Vec<&Value> = of("StatefulSet").chain(of("Deployment")).collect();
    assert_eq!(workloads.len(), 3);
    for workload in &workloads {
        let spec = &workload["spec"];
        assert!(selects(&spec["selector"]["matchLabels"], &spec["template"]), "{workload}");
        let pod = &spec["template"]["spec"];
        let container = &pod["containers"][0];
        let claims = spec["volumeClaimTemplates"].as_array().into_iter().flatten();
        let claims = claims.map(|claim| &claim["metadata"]["name"]);
        let volumes = pod["volumes"].as_array().unwrap().iter().map(|volume| &volume["name"]);
        let there: Vec<&Value> = claims.chain(volumes).collect();
        for mount in container["volumeMounts"].as_array().unwrap() {
            assert!(there.contains(&&mount["name"]), "{mount} of {there:?}");
        }
        check_probes(container);
        // The drain takes 10 s at most.
        assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > 10);
    }
    for service in of("Service") {
        let mine: Vec<&&Value> = workloads
            .iter()
            .filter(|w| selects(&service["spec"]["selector"], &w["spec"]["template"]))
            .collect();
        assert_eq!(mine.len(), 1, "{service}");
        // The name that others are given is that of the service.
        assert_eq!(mine[0]["spec"]["serviceName"], service["metadata"]["name"]);
    }
    let names: Vec<&str> =
        of("Service").map(|service| service["metadata"]["name"].as_str().unwrap()).collect();
    for workload in &workloads {
        let arguments = workload["spec"]["template"]["spec"]["containers"][0]["args"].as_array();
        let arguments: Vec<&str> = arguments.unwrap().iter().filter_map(Value::as_str).collect();
        for pair in arguments.windows(2) {
            if ["--coordinator", "--advertise"].contains(&pair[0]) {
                let host = pair[1].split(':').next().unwrap();
                assert!(names.contains(&host), "{host} is no service: {names:?}");
            }
        }
    }
    for budget in of("PodDisruptionBudget") {
        let selector = &budget["spec"]["selector"]["matchLabels"];
        assert!(workloads.iter().any(|w| selects(selector, &w["spec"]["template"])), "{budget}");
    }
    let policies: Vec<&Value> = of("NetworkPolicy").collect();
    assert_eq!(policies.len(), 1);
    check_policy(policies[0], &workloads);
    for scaler in of("HorizontalPodAutoscaler") {
        let target = &scaler["spec"]["scaleTargetRef"]["name"];
        let scaled = workloads.iter().find(|w| &w["metadata"]["name"] == target).unwrap();
        // Two owners of one number would undo each other's work.
        assert_eq!(scaled["spec"]["replicas"], Value::Null);
    }
}

/// Nobody is started again for waiting: that only readiness may tell.
fn check_probes(container: &Value) {
    let of = |probe: &str| &container[probe]["httpGet"];
    assert_eq!(of("startupProbe"), &json!({"path": "/livez", "port": "metrics"}));
    assert_eq!(of("livenessProbe"), of("startupProbe"));
    assert_eq!(of("readinessProbe"), &json!({"path": "/healthz", "port": "metrics"}));
}

/// Pods of the namespace reach every port of every pod; others the metrics at most.
fn check_policy(policy: &Value, workloads: &[&Value]) {
    let spec = &policy["spec"];
    for workload in workloads {
        let template = &workload["spec"]["template"];
        assert!(selects(&spec["podSelector"]["matchLabels"], template), "{workload}");
        for port in template["spec"]["containers"][0]["ports"].as_array().unwrap() {
            let rules = spec["ingress"].as_array().unwrap().iter();
            let mut open = rules.filter(|rule| {
                let ports = rule["ports"].as_array().unwrap().iter();
                ports.map(|port| &port["port"]).any(|open| open == &port["containerPort"])
            });
            let from = open.next().unwrap()["from"].as_array().unwrap();
            assert_eq!(open.next(), None, "{port}");
            assert!(from.contains(&json!({"podSelector": {}})), "{port}");
            assert_eq!(from.len() > 1, port["name"] == "metrics", "{port}: {from:?}");
        }
    }
}

fn selects(selector: &Value, template: &Value) -> bool {
    let labels = &template["metadata"]["labels"];
    let mut pairs = selector.as_object().unwrap().iter();
    pairs.all(|(key, value)| &labels[key] == value)
}

#[test]
fn names_that_kubernetes_would_refuse_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (vec!["--name", "9-run"], "--name"),
        (vec!["--name", "a-name-that-is-far-too-long-for-what-is-added"], "--name"),
        (vec!["--namespace", "My Lab"], "--namespace"),
        (vec!["--monitoring", ""], "--monitoring"),
        (vec!["--storage", "20 GB"], "--storage"),
        (vec!["--max-actors", "2"], "--max-actors"),
        (vec!["--image-prefix", "a b/"], "--image-prefix"),
    ];
    for (options, named) in cases {
        let mut render = coordinator(["render", "--target", "kubernetes", "--actors", "6", "-o"]);
        let output = render.arg(folder.path()).args(&options).args(small(&[])).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{options:?}");
        assert!(said(&output).contains(named), "{options:?}: {}", said(&output));
    }
}
