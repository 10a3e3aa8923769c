//! What the pods of all parts have in common.

use super::{METRICS_PORT, Run, TOKEN_KEY};
use crate::render::template::Fill;
use crate::render::{Error, Security};
use serde_json::{Value, json};

/// In containers.
const TLS: &str = "/etc/proteus/tls";
const TOKEN: &str = "/etc/proteus/token";
/// User and group of the images.
const USER: u32 = 65532;

impl Run<'_> {
    /// Fills that every pod has.
    pub(super) fn pod(
        &self,
        part: &'static str,
        variant: &str,
        mounts: &[Value],
        volumes: &[Value],
    ) -> Result<Vec<(&'static str, Fill)>, Error> {
        let (mut mounts, mut volumes) = (mounts.to_vec(), volumes.to_vec());
        let mut environment = vec![];
        if self.settings.security != Security::Insecure {
            let folders = [("tls", TLS, format!("-tls-{part}")), ("token", TOKEN, "-token".into())];
            for (volume, path, suffix) in folders {
                let name = format!("{}{suffix}", self.name);
                // Readable for the group of the pod alone.
                let secret = json!({"secretName": name, "defaultMode": 0o440});
                volumes.push(json!({"name": volume, "secret": secret}));
                mounts.push(json!({"name": volume, "mountPath": path, "readOnly": true}));
            }
            environment.push(json!({"name": "PROTEUS_TLS_DIR", "value": TLS}));
            let token = format!("{TOKEN}/{TOKEN_KEY}");
            environment.push(json!({"name": "PROTEUS_TOKEN_FILE", "value": token}));
        }
        Ok(vec![
            ("name", self.part(part).into()),
            ("labels", self.labels(part).into()),
            ("selector", self.selector(part).into()),
            ("annotations", annotations().into()),
            ("pod_security", pod_security().into()),
            ("container_security", container_security().into()),
            ("image", self.settings.images.of(part, variant)?.into()),
            ("environment", environment.into()),
            ("metrics_port", METRICS_PORT.into()),
            ("mounts", mounts.into()),
            ("volumes", volumes.into()),
        ])
    }

    /// Fills of a part that others connect to, and that keeps things.
    pub(super) fn service(&self, port: u16) -> Vec<(&'static str, Fill)> {
        let probe = |period, failures| self.probe(port, period, failures);
        let mut claim = json!({
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": self.settings.storage}},
        });
        if let Some(class) = &self.settings.storage_class {
            claim["storageClassName"] = class.as_str().into();
        }
        vec![
            ("port", port.into()),
            // Reading a long experience log again takes its time.
            ("startup", probe(2, 300).into()),
            ("readiness", probe(5, 2).into()),
            ("liveness", probe(10, 6).into()),
            ("claim", claim.into()),
        ]
    }

    /// The health service of gRPC where the kubelet can use it: it has no certificate to show.
    fn probe(&self, port: u16, period: u32, failures: u32) -> Value {
        if self.settings.security != Security::Insecure {
            return http_probe(period, failures);
        }
        timing(json!({"grpc": {"port": port}}), period, failures)
    }
}

pub(super) fn http_probe(period: u32, failures: u32) -> Value {
    timing(json!({"httpGet": {"path": "/healthz", "port": "metrics"}}), period, failures)
}

fn timing(mut probe: Value, period: u32, failures: u32) -> Value {
    probe["periodSeconds"] = period.into();
    probe["failureThreshold"] = failures.into();
    probe["timeoutSeconds"] = 2.into();
    probe
}

/// For a Prometheus that finds pods by these.
fn annotations() -> Value {
    json!({"prometheus.io/scrape": "true", "prometheus.io/port": METRICS_PORT.to_string()})
}

fn pod_security() -> Value {
    json!({
        "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
        // Not over every file of a long experience log at each start.
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]},
    })
}
