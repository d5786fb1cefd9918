//! `[meeting]` of the TOML file: what new meetings are like. `profile` (`native`, `enablex`) and
//! `template` (`native`, `stage`) choose what is shipped; every rule may be set beside them by its
//! own name, and `[[meeting.roles]]` replaces the template.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use toml::{Table, Value};

use crate::rooms::{Meeting, Roles, Rules};

/// Rules and roles of new meetings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MeetingOptions {
    /// Limits, modes and policies.
    pub rules: Rules,
    /// Roles.
    pub roles: Roles,
}

impl Default for MeetingOptions {
    fn default() -> MeetingOptions {
        MeetingOptions { rules: Rules::default(), roles: Roles::native() }
    }
}

impl MeetingOptions {
    /// A meeting as it begins.
    pub fn meeting(&self) -> Meeting {
        Meeting::with_roles(self.rules, self.roles.clone())
    }
}

impl<'de> Deserialize<'de> for MeetingOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<MeetingOptions, D::Error> {
        let mut table = Table::deserialize(deserializer)?;
        let wrong = |what: &str, value: &Value, known: &str| {
            let message = format!("in `{what}`: no {what} is {value}; there are {known}");
            D::Error::custom(message)
        };
        let profile = match table.remove("profile") {
            None => Rules::default(),
            Some(Value::String(name)) if name == "native" => Rules::default(),
            Some(Value::String(name)) if name == "enablex" => Rules::enablex(),
            Some(other) => return Err(wrong("profile", &other, "native, enablex")),
        };
        let template = match table.remove("template") {
            None => Roles::native(),
            Some(Value::String(name)) if Roles::shipped(&name).is_some() => {
                Roles::shipped(&name).unwrap_or_else(Roles::native)
            }
            Some(other) => return Err(wrong("template", &other, "native, stage")),
        };
        let roles = match table.remove("roles") {
            None => template,
            Some(roles) => located("roles", roles).map_err(D::Error::custom)?,
        };
        let mut rules = Table::try_from(profile).map_err(D::Error::custom)?;
        rules.extend(table);
        let rules = located("", Value::Table(rules)).map_err(D::Error::custom)?;
        Ok(MeetingOptions { rules, roles })
    }
}

/// Reads a value. An error says where in it: `` in `roles[1].publish`: … ``.
fn located<T: DeserializeOwned>(root: &str, value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let path = format!("{root}{}", path.trim_end_matches(['?', '.']));
        match error.inner().message() {
            // The field's name says where.
            message if path.is_empty() || (root.is_empty() && message.starts_with("unknown f")) => {
                message.to_owned()
            }
            message => format!("in `{path}`: {message}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::{OnEnter, Permission, RoleName};

    fn read(text: &str) -> Result<MeetingOptions, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.to_string())
    }

    #[test]
    fn profile_template_and_rules() {
        assert_eq!(read("").unwrap(), MeetingOptions::default());
        let strict = read("profile = \"enablex\"\nbreakout_rooms_max = 12").unwrap();
        assert_eq!(strict.rules, Rules { breakout_rooms_max: 12, ..Rules::enablex() });
        let stage = read("template = \"stage\"\non_enter = \"keep\"").unwrap();
        assert_eq!((stage.roles, stage.rules.on_enter), (Roles::stage(), OnEnter::Keep));
        let own = read(
            "[[roles]]\nname = \"usher\"\npermissions = [\"breakout.manage\"]\nsubscribe = {}\n\
             publish = { media = { audio = true, video = false, share = false, canvas = false } }",
        );
        let own = own.unwrap().roles;
        let usher = own.of(&RoleName::new("usher"));
        assert!(usher.permissions.has(Permission::Manage) && !usher.publish.media.video);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, says) in [
            ("profile = \"zoom\"", "no profile is \"zoom\""),
            ("template = 1", "no template is 1"),
            ("breakout_room_max = 1", "breakout_room_max"),
            ("on_enter = \"fly\"", "fly"),
            ("[[roles]]\nname = \"a\"\npermissions = [\"fly\"]", "no permission \"fly\""),
            ("roles = []", "1 to 64 roles"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
