//! What the pods of all parts have in common.

use super::{METRICS_PORT, Run, TOKEN_KEY};
use crate::render::template::Fill;
use crate::render::{Error, Security};
use serde_json::{Value, json};

/// In containers.
const TLS: &str = "/etc/proteus/tls";
const TOKEN: &str = "/etc/proteus/token";
/// The process answers. What is started again for the lack of it must not depend on anybody else: a
/// process that waits for another one, or for space on a disk, may hold what nobody else has.
const ANSWERS: &str = "/livez";
/// It has all that it needs.
const CAN_WORK: &str = "/healthz";
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
            ("startup", probe(ANSWERS, 2, 60).into()),
            ("readiness", probe(CAN_WORK, 5, 2).into()),
            ("liveness", probe(ANSWERS, 10, 6).into()),
            ("mounts", mounts.into()),
            ("volumes", volumes.into()),
        ])
    }

    /// Fills of a part that others connect to, and that keeps things.
    pub(super) fn service(&self, port: u16) -> Vec<(&'static str, Fill)> {
        let mut claim = json!({
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": self.settings.storage}},
        });
        if let Some(class) = &self.settings.storage_class {
            claim["storageClassName"] = class.as_str().into();
        }
        vec![("port", port.into()), ("claim", claim.into())]
    }
}

/// Asks on the metrics port: it needs no certificate, which the kubelet has not.
fn probe(path: &str, period: u32, failures: u32) -> Value {
    json!({
        "httpGet": {"path": path, "port": "metrics"},
        "periodSeconds": period, "failureThreshold": failures, "timeoutSeconds": 2,
    })
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
