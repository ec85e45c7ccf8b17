//! What may come next in an incident: the forecaster with what the loaded rules, the detectors and the hosts' logs could see.

use shieldwall_detect::sigma::ir::Rule;
use shieldwall_forecast::Forecaster;
use shieldwall_forecast::outlook::{self, Coverage};
use shieldwall_forecast::ranker::Scratch;
use shieldwall_schema::EntityKind;
use shieldwall_schema::entity::host_id;
use shieldwall_schema::incident::Incident;
use shieldwall_schema::ocsf::attack::{self, AttackTag};
use shieldwall_schema::outlook::Outlook;
use shieldwall_schema::story::HostCoverage;

/// Ready to look ahead.
pub(super) struct Foresight {
    forecaster: Forecaster,
    model: String,
    coverage: Coverage,
    scratch: Scratch,
}

impl Foresight {
    /// Loads the shipped forecaster; `None` where it cannot be (a test makes sure that it can).
    pub(super) fn new(rules: &[Rule], detectors: &[Rule], hosts: &[HostCoverage]) -> Option<Self> {
        let (forecaster, model) = crate::models::forecaster(None).ok()??;
        let mut coverage = Coverage::default();
        for rule in rules {
            let log = &rule.logsource;
            let techniques = techniques(rule);
            coverage.rule(techniques.iter().map(String::as_str), &log.category, &log.service, &log.product);
        }
        for detector in detectors {
            coverage.detector(techniques(detector).iter().map(String::as_str));
        }
        for host in hosts {
            let id = host_id(&host.host).unwrap_or_else(|| host.host.clone());
            coverage.host(&id, &host.product, host.kinds.iter().map(String::as_str));
        }
        Some(Self { forecaster, model, coverage, scratch: Scratch::default() })
    }

    /// What may come next in an incident.
    pub(super) fn of(&mut self, incident: &Incident) -> Option<Outlook> {
        let techniques: Vec<String> = incident.techniques.iter().map(|(id, _)| id.clone()).collect();
        let hosts: Vec<&str> = incident
            .involved
            .iter()
            .filter(|one| one.entity.kind == EntityKind::Host)
            .map(|one| one.entity.id.as_str())
            .collect();
        outlook::outlook(&self.forecaster, &self.model, &techniques, &hosts, &self.coverage, &mut self.scratch)
    }
}

fn techniques(rule: &Rule) -> Vec<String> {
    let id = |tag: &String| match attack::tag(tag) {
        Some(AttackTag::Technique(id)) => Some(id.sub_technique().unwrap_or_else(|| id.technique())),
        _ => None,
    };
    rule.tags.iter().filter_map(id).collect()
}
