//! CACAO 2.0's objects as OASIS's JSON schema has them, one table each. The section of the standard stands beside.

use super::shape::{
    ID, Object, Shape, TIME, is_case, is_contact, is_ip4, is_ip6, is_mac, is_url, is_variable, kind_of,
};

const TEXTS: Shape = Shape::List(&Shape::Text, 0);
const TEXTS_1: Shape = Shape::List(&Shape::Text, 1);
const IDS_1: Shape = Shape::List(&ID, 1);
const PER_CENT: Shape = Shape::Whole(0, 100);
const ANYTHING: Shape = Shape::Object(&Object::ANY);

/// A playbook (section 3.1).
pub static PLAYBOOK: Shape = Shape::Object(&Object {
    fields: &[
        ("type", Shape::Word(&["playbook"])),
        ("spec_version", Shape::Word(&["cacao-2.0"])),
        ("id", ID),
        ("name", Shape::Text),
        ("description", Shape::Text),
        ("playbook_types", TEXTS),
        ("playbook_activities", TEXTS_1),
        ("playbook_processing_summary", Shape::Object(&SUMMARY)),
        ("created_by", ID),
        ("created", TIME),
        ("modified", TIME),
        ("revoked", Shape::Bool),
        ("valid_from", TIME),
        ("valid_until", TIME),
        ("derived_from", IDS_1),
        ("related_to", IDS_1),
        ("priority", PER_CENT),
        ("severity", PER_CENT),
        ("impact", PER_CENT),
        ("industry_sectors", TEXTS_1),
        ("labels", TEXTS_1),
        ("external_references", REFERENCES_1),
        ("markings", IDS_1),
        ("playbook_variables", VARIABLES),
        ("workflow_start", ID),
        ("workflow_exception", ID),
        ("workflow", Shape::Object(&Object { named: Some(step), ..Object::ANY })),
        ("playbook_extensions", EXTENSIONS),
        (
            "authentication_info_definitions",
            Shape::Object(&Object { named: Some(authentication), least: 1, ..Object::ANY }),
        ),
        ("agent_definitions", AGENTS),
        ("target_definitions", AGENTS),
        ("extension_definitions", Shape::Object(&Object { named: Some(definition), ..Object::ANY })),
        ("data_marking_definitions", Shape::Object(&Object { named: Some(marking), ..Object::ANY })),
        ("signatures", Shape::List(&Shape::Object(&SIGNATURE), 1)),
    ],
    required: &[
        "type",
        "spec_version",
        "id",
        "name",
        "created_by",
        "created",
        "modified",
        "workflow_start",
        "workflow",
    ],
    ..Object::ANY
});

/// What a playbook uses (section 3.1.1).
static SUMMARY: Object = Object {
    fields: &[
        ("manual_playbook", Shape::Bool),
        ("external_playbooks", Shape::Bool),
        ("parallel_processing", Shape::Bool),
        ("if_logic", Shape::Bool),
        ("while_logic", Shape::Bool),
        ("switch_logic", Shape::Bool),
        ("temporal_logic", Shape::Bool),
        ("data_markings", Shape::Bool),
        ("digital_signatures", Shape::Bool),
        ("countersigned_signatures", Shape::Bool),
        ("extensions", Shape::Bool),
    ],
    ..Object::ANY
};

/// An external reference (section 10.8).
static REFERENCE: Shape = Shape::Object(&Object {
    fields: &[
        ("name", Shape::Text),
        ("description", Shape::Text),
        ("source", Shape::Text),
        ("url", Shape::Text),
        ("external_id", Shape::Text),
        ("reference_id", Shape::Text),
    ],
    required: &["name"],
    ..Object::ANY
});
const REFERENCES_1: Shape = Shape::List(&REFERENCE, 1);

/// A variable (section 10.18).
static VARIABLE: Shape = Shape::Object(&Object {
    fields: &[
        ("type", Shape::Text),
        ("description", Shape::Text),
        ("value", Shape::TextOrNull),
        ("constant", Shape::Bool),
        ("external", Shape::Bool),
    ],
    required: &["type"],
    ..Object::ANY
});
const VARIABLES: Shape =
    Shape::Object(&Object { named: Some(|name| is_variable(name).then_some(&VARIABLE)), ..Object::ANY });

/// A dictionary of extensions (section 8).
const EXTENSIONS: Shape = Shape::Object(&Object {
    named: Some(|name| (kind_of(name) == Some("extension-definition")).then_some(&ANYTHING)),
    least: 1,
    ..Object::ANY
});

/// What all steps have (section 4.1).
static STEP: Object = Object {
    fields: &[
        ("name", Shape::Text),
        ("description", Shape::Text),
        ("external_references", REFERENCES_1),
        ("delay", Shape::Whole(1, i64::MAX)),
        ("timeout", Shape::Whole(i64::MIN, i64::MAX)),
        ("step_variables", VARIABLES),
        ("owner", ID),
        ("on_completion", ID),
        ("on_success", ID),
        ("on_failure", ID),
        ("step_extensions", EXTENSIONS),
    ],
    required: &["type"],
    ..Object::ANY
};

/// The steps by the begin of their ids (sections 4.3 to 4.10).
static STEPS: [(&str, Shape); 8] = [
    (
        "start",
        Shape::Object(&Object {
            base: Some(&STEP),
            fields: &[("type", Shape::Word(&["start"]))],
            forbidden: &["on_success", "on_failure"],
            ..Object::ANY
        }),
    ),
    (
        "end",
        Shape::Object(&Object {
            base: Some(&STEP),
            fields: &[("type", Shape::Word(&["end"]))],
            forbidden: &["on_completion", "on_success", "on_failure"],
            ..Object::ANY
        }),
    ),
    (
        "action",
        Shape::Object(&Object {
            base: Some(&STEP),
            fields: &[
                ("type", Shape::Word(&["action"])),
                ("commands", Shape::List(&COMMAND, 1)),
                ("agent", ID),
                ("targets", IDS_1),
                ("in_args", TEXTS_1),
                ("out_args", TEXTS_1),
            ],
            required: &["commands", "agent"],
            ..Object::ANY
        }),
    ),
    (
        "playbook-action",
        Shape::Object(&Object {
            base: Some(&STEP),
            fields: &[
                ("type", Shape::Word(&["playbook-action"])),
                ("playbook_id", ID),
                ("playbook_version", TIME),
                ("in_args", TEXTS_1),
                ("out_args", TEXTS_1),
            ],
            required: &["playbook_id"],
            ..Object::ANY
        }),
    ),
    (
        "parallel",
        Shape::Object(&Object {
            base: Some(&STEP),
            fields: &[("type", Shape::Word(&["parallel"])), ("next_steps", Shape::List(&ID, 2))],
            required: &["next_steps"],
            ..Object::ANY
        }),
    ),
    (
        "if-condition",
        Shape::Object(&Object {
            base: Some(&STEP),
            fields: &[
                ("type", Shape::Word(&["if-condition"])),
                ("condition", Shape::Text),
                ("on_true", ID),
                ("on_false", ID),
            ],
            required: &["condition", "on_true"],
            ..Object::ANY
        }),
    ),
    (
        "while-condition",
        Shape::Object(&Object {
            base: Some(&STEP),
            fields: &[("type", Shape::Word(&["while-condition"])), ("condition", Shape::Text), ("on_true", ID)],
            required: &["condition", "on_true"],
            ..Object::ANY
        }),
    ),
    (
        "switch-condition",
        Shape::Object(&Object {
            base: Some(&STEP),
            fields: &[
                ("type", Shape::Word(&["switch-condition"])),
                ("switch", Shape::Text),
                ("cases", Shape::Object(&Object { named: Some(|_| Some(&CASE)), ..Object::ANY })),
            ],
            required: &["switch", "cases"],
            ..Object::ANY
        }),
    ),
];
static CASE: Shape = Shape::Form("step", is_case);

/// A command (section 5.1). The schema looks at what all commands have, not at what each kind adds.
static COMMAND: Shape = Shape::Object(&Object {
    fields: &[
        ("type", Shape::Text),
        ("description", Shape::Text),
        ("version", Shape::Text),
        ("playbook_activity", Shape::Text),
        ("external_references", Shape::List(&REFERENCE, 0)),
    ],
    required: &["type"],
    ..Object::ANY
});

/// Regions (section 10.4).
const REGIONS: &[&str] = &[
    "africa",
    "eastern-africa",
    "middle-africa",
    "northern-africa",
    "southern-africa",
    "western-africa",
    "americas",
    "caribbean",
    "central-america",
    "latin-america-caribbean",
    "northern-america",
    "south-america",
    "asia",
    "central-asia",
    "eastern-asia",
    "southern-asia",
    "south-eastern-asia",
    "western-asia",
    "europe",
    "eastern-europe",
    "northern-europe",
    "southern-europe",
    "western-europe",
    "oceania",
    "antarctica",
    "australia-new-zealand",
    "melanesia",
    "micronesia",
    "polynesia",
];

/// A place on earth (section 10.4).
static LOCATION: Object = Object {
    fields: &[
        ("name", Shape::Text),
        ("description", Shape::Text),
        ("building_details", Shape::Text),
        ("network_details", Shape::Text),
        ("region", Shape::Word(REGIONS)),
        ("country", Shape::Text),
        ("administrative_area", Shape::Text),
        ("city", Shape::Text),
        ("street_address", Shape::Text),
        ("postal_code", Shape::Text),
        ("latitude", Shape::Text),
        ("longitude", Shape::Text),
        ("precision", Shape::Text),
    ],
    ..Object::ANY
};

/// How to reach somebody (section 10.5).
static CONTACT: Object =
    Object { fields: &[("email", CONTACTS), ("phone", CONTACTS), ("contact_details", Shape::Text)], ..Object::ANY };
const CONTACTS: Shape =
    Shape::Object(&Object { named: Some(|name| is_contact(name).then_some(&Shape::Text)), ..Object::ANY });

/// What all agents and targets have (section 7.1).
static AGENT: Object = Object {
    fields: &[
        ("name", Shape::Text),
        ("description", Shape::Text),
        ("location", Shape::Object(&LOCATION)),
        ("agent_target_extensions", EXTENSIONS),
    ],
    required: &["type", "name"],
    ..Object::ANY
};
const AGENTS: Shape = Shape::Object(&Object { named: Some(agent), least: 1, ..Object::ANY });

/// Addresses of an agent; `vlan` differs by kind.
const fn address(vlan: &'static [(&'static str, Shape)]) -> Object {
    Object { fields: vlan, base: Some(&ADDRESS), ..Object::ANY }
}
static ADDRESS: Object = Object {
    fields: &[
        ("url", Shape::List(&Shape::Form("URL", is_url), 0)),
        ("l2mac", Shape::List(&Shape::Form("MAC address", is_mac), 0)),
        ("ipv4", Shape::List(&Shape::Form("IPv4 address", is_ip4), 0)),
        ("ipv6", Shape::List(&Shape::Form("IPv6 address", is_ip6), 0)),
        ("dname", TEXTS),
    ],
    ..Object::ANY
};
static WHOLE_VLAN: Object = address(&[("vlan", Shape::List(&Shape::Whole(0, 4095), 0))]);
static VLAN: Object = address(&[("vlan", Shape::List(&Shape::Number(0.0, 4095.0), 0))]);

/// Agents and targets by the begin of their ids (sections 7.2 to 7.11).
static AGENT_KINDS: [(&str, Shape); 10] = [
    (
        "group",
        Shape::Object(&Object {
            fields: &[("type", Shape::Word(&["group"])), ("contact", Shape::Object(&CONTACT))],
            base: Some(&AGENT),
            ..Object::ANY
        }),
    ),
    (
        "individual",
        Shape::Object(&Object {
            fields: &[("type", Shape::Word(&["individual"])), ("contact", Shape::Object(&CONTACT))],
            base: Some(&AGENT),
            ..Object::ANY
        }),
    ),
    (
        "organization",
        Shape::Object(&Object {
            fields: &[("type", Shape::Word(&["organization"])), ("contact", Shape::Object(&CONTACT))],
            base: Some(&AGENT),
            ..Object::ANY
        }),
    ),
    (
        "location",
        Shape::Object(&Object {
            fields: &[("type", Shape::Word(&["location"])), ("logical", TEXTS_1)],
            base: Some(&AGENT),
            ..Object::ANY
        }),
    ),
    (
        "sector",
        Shape::Object(&Object {
            fields: &[("type", Shape::Word(&["sector"])), ("sector", Shape::Text)],
            required: &["sector"],
            base: Some(&AGENT),
            ..Object::ANY
        }),
    ),
    (
        "security-category",
        Shape::Object(&Object {
            fields: &[("type", Shape::Word(&["security-category"])), ("category", TEXTS_1)],
            required: &["category"],
            base: Some(&AGENT),
            ..Object::ANY
        }),
    ),
    (
        "http-api",
        Shape::Object(&Object {
            fields: &[
                ("type", Shape::Word(&["http-api"])),
                ("address", Shape::Object(&WHOLE_VLAN)),
                ("port", Shape::Text),
                ("authentication_info", ID),
                ("category", TEXTS_1),
            ],
            required: &["address"],
            base: Some(&AGENT),
            ..Object::ANY
        }),
    ),
    (
        "ssh",
        Shape::Object(&Object {
            fields: &[
                ("type", Shape::Word(&["ssh"])),
                ("address", Shape::Object(&WHOLE_VLAN)),
                ("port", Shape::Text),
                ("authentication_info", ID),
                ("category", TEXTS_1),
            ],
            required: &["address"],
            base: Some(&AGENT),
            ..Object::ANY
        }),
    ),
    (
        "linux",
        Shape::Object(&Object {
            fields: &[
                ("type", Shape::Word(&["linux"])),
                ("address", Shape::Object(&VLAN)),
                ("port", Shape::Text),
                ("authentication_info", ID),
                ("category", TEXTS_1),
            ],
            required: &["address"],
            base: Some(&AGENT),
            ..Object::ANY
        }),
    ),
    (
        "net-address",
        Shape::Object(&Object {
            fields: &[
                ("type", Shape::Word(&["net-address"])),
                ("address", Shape::Object(&VLAN)),
                ("authentication_info", ID),
                ("category", TEXTS_1),
            ],
            required: &["address"],
            base: Some(&AGENT),
            ..Object::ANY
        }),
    ),
];

/// What all authentication has (section 6.1).
static AUTHENTICATION: Object = Object {
    fields: &[
        ("name", Shape::Text),
        ("description", Shape::Text),
        ("authentication_info_extensions", EXTENSIONS),
        ("password", Shape::Text),
        ("kms", Shape::Bool),
        ("kms_key_identifier", Shape::Text),
    ],
    required: &["type"],
    ..Object::ANY
};
/// Without `password`, which OAuth's form does not name.
static OAUTH: Object = Object {
    fields: &[
        ("name", Shape::Text),
        ("description", Shape::Text),
        ("authentication_info_extensions", EXTENSIONS),
        ("kms", Shape::Bool),
        ("kms_key_identifier", Shape::Text),
    ],
    required: &["type"],
    ..Object::ANY
};
static AUTHENTICATIONS: [(&str, Shape); 3] = [
    (
        "http-basic",
        Shape::Object(&Object {
            fields: &[("type", Shape::Word(&["http-basic"])), ("user_id", Shape::Text)],
            base: Some(&AUTHENTICATION),
            ..Object::ANY
        }),
    ),
    (
        "user-auth",
        Shape::Object(&Object {
            fields: &[("type", Shape::Word(&["user-auth"])), ("username", Shape::Text)],
            base: Some(&AUTHENTICATION),
            ..Object::ANY
        }),
    ),
    (
        "oauth2",
        Shape::Object(&Object {
            fields: &[("type", Shape::Word(&["oauth2"])), ("oauth_header", Shape::Text), ("token", Shape::Text)],
            required: &["oauth_header", "token"],
            base: Some(&OAUTH),
            ..Object::ANY
        }),
    ),
];

/// The definition of an extension (section 8.1).
static DEFINITION: Shape = Shape::Object(&Object {
    fields: &[
        ("type", Shape::Word(&["extension-definition"])),
        ("name", Shape::Text),
        ("description", Shape::Text),
        ("created_by", ID),
        ("schema", Shape::Text),
        ("version", Shape::Text),
        ("external_references", Shape::List(&REFERENCE, 0)),
    ],
    required: &["type", "name", "created_by", "schema", "version"],
    ..Object::ANY
});

/// What all markings have (section 9.1).
static MARKING: Object = Object {
    fields: &[
        ("id", ID),
        ("name", Shape::Text),
        ("description", Shape::Text),
        ("created_by", ID),
        ("created", TIME),
        ("revoked", Shape::Bool),
        ("valid_from", TIME),
        ("valid_until", TIME),
        ("labels", TEXTS_1),
        ("external_references", REFERENCES_1),
        ("marking_extensions", EXTENSIONS),
    ],
    required: &["type", "id", "created_by", "created"],
    ..Object::ANY
};
const TLP: &[&str] = &["TLP:RED", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:GREEN", "TLP:CLEAR"];
static MARKINGS: [(&str, Shape); 3] = [
    (
        "marking-statement",
        Shape::Object(&Object {
            fields: &[("type", Shape::Word(&["marking-statement"])), ("statement", Shape::Text)],
            required: &["statement"],
            base: Some(&MARKING),
            ..Object::ANY
        }),
    ),
    (
        "marking-tlp",
        Shape::Object(&Object {
            fields: &[("type", Shape::Word(&["marking-tlp"])), ("tlpv2_level", Shape::Word(TLP))],
            required: &["tlpv2_level"],
            base: Some(&MARKING),
            ..Object::ANY
        }),
    ),
    (
        "marking-iep",
        Shape::Object(&Object {
            fields: &[
                ("type", Shape::Word(&["marking-iep"])),
                ("tlp", Shape::Text),
                ("iep_version", Shape::Whole(i64::MIN, i64::MAX)),
                ("start_date", TIME),
                ("end_date", Shape::TimeOrNull),
                ("encrypt_in_transit", Shape::Text),
                ("permitted_actions", Shape::Text),
                ("affected_party_notifications", Shape::Text),
                ("attribution", Shape::Text),
                ("unmodified_resale", Shape::Text),
                // A list of one or more objects by the common form, of texts by its own.
                ("external_references", Shape::Never),
            ],
            required: &[
                "name",
                "description",
                "tlp",
                "iep_version",
                "start_date",
                "end_date",
                "encrypt_in_transit",
                "permitted_actions",
                "affected_party_notifications",
                "attribution",
                "unmodified_resale",
                "external_references",
            ],
            base: Some(&MARKING),
            ..Object::ANY
        }),
    ),
];

/// A signature, and one over it (section 10.15).
static SIGNATURE: Object = Object {
    fields: &[
        ("type", Shape::Word(&["jss"])),
        ("id", ID),
        ("created_by", ID),
        ("created", TIME),
        ("modified", TIME),
        ("revoked", Shape::Bool),
        ("signee", Shape::Text),
        ("valid_from", TIME),
        ("valid_until", TIME),
        ("related_to", ID),
        ("related_version", TIME),
        ("hash_algorithm", Shape::Text),
        ("algorithm", Shape::Text),
        ("public_key", Shape::Text),
        ("public_cert_chain", TEXTS_1),
        ("cert_url", Shape::Text),
        ("thumbprint", Shape::Text),
        ("value", Shape::Text),
        ("signature", Shape::Object(&SIGNATURE)),
    ],
    required: &[
        "type",
        "id",
        "created",
        "modified",
        "signee",
        "related_to",
        "related_version",
        "hash_algorithm",
        "algorithm",
        "value",
    ],
    exactly_one: &["public_key", "public_cert_chain", "cert_url", "thumbprint"],
    ..Object::ANY
};

fn of(name: &str, all: &'static [(&'static str, Shape)]) -> Option<&'static Shape> {
    let kind = kind_of(name)?;
    all.iter().find(|(own, _)| *own == kind).map(|(_, shape)| shape)
}

fn step(name: &str) -> Option<&'static Shape> {
    of(name, &STEPS)
}

fn agent(name: &str) -> Option<&'static Shape> {
    of(name, &AGENT_KINDS)
}

fn authentication(name: &str) -> Option<&'static Shape> {
    of(name, &AUTHENTICATIONS)
}

fn marking(name: &str) -> Option<&'static Shape> {
    of(name, &MARKINGS)
}

fn definition(name: &str) -> Option<&'static Shape> {
    (kind_of(name) == Some("extension-definition")).then_some(&DEFINITION)
}
