//! The file of settings: one for all commands.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::{ConfigArgument, Group, Settings, setting_names};

/// The settings that a file holds; none where no file is named.
#[derive(Debug, Default)]
pub struct ConfigFile(toml::Table);

impl ConfigFile {
    /// Reads the file. Every key and value in it is checked, those too that are of other commands.
    ///
    /// # Errors
    /// If the file cannot be read, is no TOML, has a key that no setting has, or a value that its setting cannot have.
    pub fn read(argument: &ConfigArgument) -> anyhow::Result<Self> {
        let Some(path) = &argument.config else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the config file {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in the config file {}", path.display()))
    }

    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let table: toml::Table = text.parse().map_err(explained)?;
        let known = setting_names::<Settings>();
        if let Some(key) = table.keys().find(|key| *key == "config" || !known.contains(key)) {
            bail!("there is no setting `{key}`");
        }
        let file = Self(table);
        Settings::default().filled(&file)?;
        Ok(file)
    }

    /// `given`, with what it leaves open taken from the file.
    ///
    /// # Errors
    /// Names a value that its setting cannot have.
    pub fn fill<G: Group>(&self, given: G) -> anyhow::Result<G> {
        let names = setting_names::<G>();
        let own: toml::Table = self
            .0
            .iter()
            .filter(|(key, _)| names.contains(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        Ok(given.or(own.try_into().map_err(explained)?))
    }
}

/// What the parser has to say, without the line it is about: that may hold a secret.
fn explained(error: toml::de::Error) -> anyhow::Error {
    anyhow::anyhow!("{}", error.message())
}

pub(super) fn duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    humantime::parse_duration(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

pub(super) fn table<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let table = BTreeMap::<String, toml::Value>::deserialize(from)?;
    Ok(table
        .into_iter()
        .map(|(key, value)| match value {
            toml::Value::String(text) => format!("{key}={text}"),
            other => format!("{key}={other}"),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{CheckpointSettings, NameSettings};

    #[test]
    fn each_command_takes_its_own_settings() {
        let file =
            ConfigFile::parse("topic-prefix = 'shop'\ncheckpoint-topic = 'c'\ncommit-bytes = 5").unwrap();
        let name = file.fill(NameSettings::default()).unwrap();
        assert_eq!(name.topic_prefix.as_deref(), Some("shop"));
        let checkpoint = file.fill(CheckpointSettings::default()).unwrap();
        assert_eq!(checkpoint.checkpoint_topic.as_deref(), Some("c"));
    }

    #[test]
    fn an_unknown_key_or_a_wrong_value_is_refused_whatever_the_command() {
        let e = ConfigFile::parse("sevrer-id = 1").unwrap_err();
        assert!(e.to_string().contains("sevrer-id"), "{e}");
        let e = ConfigFile::parse("config = 'other.toml'").unwrap_err();
        assert!(e.to_string().contains("`config`"), "{e}");
        let e = ConfigFile::parse("topic-partitions = \"many\"").unwrap_err();
        assert!(e.to_string().contains("invalid type"), "{e}");
    }
}
