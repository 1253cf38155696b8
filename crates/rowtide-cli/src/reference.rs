//! docs/configuration.md, made from the program's own definitions: the test here fails when the two differ.
//!
//! `UPDATE_DOCS=1 cargo test -p rowtide-cli --bin rowtide configuration` renews the page.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};

use crate::commands::tail;
use crate::settings::{
    CaptureSettings, CheckpointSettings, ConfigArgument, CreationSettings, DeliverySettings, HistorySettings,
    KafkaSettings, NameSettings, ReplicaSettings, Settings, SourceSettings, TableSettings, setting_names,
};

/// The page's example, which is also a file to copy.
const EXAMPLE: &str = include_str!("../../../docs/rowtide.toml");
/// What `run` does not run without.
const REQUIRED: [&str; 4] = ["source", "server-id", "topic-prefix", "kafka"];

const INTRODUCTION: &str = "\
# Configuration

<!-- Made from the program's own definitions. Renew it with
     `UPDATE_DOCS=1 cargo test -p rowtide-cli --bin rowtide configuration`. -->

Every setting of `rowtide run` is an argument, and nearly every one is an environment variable and a key of a TOML file
too. All three say the same things in the same words: `--server-id 5400`, `ROWTIDE_SERVER_ID=5400`, `server-id = 5400`.

## What wins

An argument wins over the environment, the environment over the file (`--config rowtide.toml`), the file over the
default. A setting that takes several values is taken from one place as a whole: `--include-table` replaces the file's
`include-table`, it does not add to it. Of Kafka's settings, one in `--kafka-config` wins over the same one in
`--kafka-config-file`, and the others of that file stay.

One file serves all commands: `rowtide tail`, `rowtide check`, `rowtide checkpoint` and `rowtide schema` take from it the
settings that they have. As an argument, a setting that does nothing in a command is unknown there.

A key that no setting has is refused, with the key named: a misspelt setting is never ignored.

## How values are written

| | argument, environment | file |
|---|---|---|
| text, path | as it is | `\"text\"`; `'text'` where it holds backslashes, as regular expressions do |
| number | `5400` | `5400` |
| yes or no | `true`, `false` | `true`, `false` |
| DURATION | `200ms`, `5s`, `1m 30s` | the same as text: `\"200ms\"` |
| REGEX, several | the argument given several times, or separated by commas | `['shop\\..*', 'crm\\..*']` |
| KEY=VALUE, several | `--kafka-config linger.ms=5 acks=all`; not from the environment | `{ \"linger.ms\" = 5, \"acks\" = \"all\" }` |

A path of the file is relative to the folder in which `rowtide` is started, as that of an argument is.

## Secrets

Arguments of a process can be read by everybody on its machine, so that secrets come from elsewhere. They never show in
logs or error messages.

- **The source's password** comes from the file that `--source-password-file` names (its first line), else from the
  environment variable `ROWTIDE_SOURCE_PASSWORD`. A password inside `--source` is refused.
- **Kafka's passwords** (`sasl.password`, `ssl.key.password`) belong in the file that `--kafka-config-file` names, one
  `KEY=VALUE` a line. Given with `--kafka-config` they work and show in the process list.
- Rowtide only reads these files: give them to its user alone.

What can be set of the way to Kafka, TLS and login among it, has a [page of its own](kafka-settings.md).
";

/// What there is to say of the other commands beside their own help.
const OTHER_COMMANDS: [(&[&str], &str); 7] = [
    (
        &["check"],
        "It takes the same settings and the same file as `rowtide run`. Without `--kafka` only the source is checked, \
         and `--topic-prefix` is not needed; the other settings are read all the same, so that a wrong one is found.",
    ),
    (
        &["tail"],
        "The source's name in the events, `--topic-prefix`, has a default here: `DEFAULT`. `--start` counts each time: \
         there is no checkpoint.",
    ),
    (&["inspect"], "It connects to nothing."),
    (&["checkpoint", "show"], CHECKPOINT),
    (&["checkpoint", "set"], CHECKPOINT),
    (
        &["schema", "show"],
        "The source is not connected to, and a run is not disturbed. Needed are `--kafka` and `--topic-prefix`, as for \
         `rowtide checkpoint`.",
    ),
    (
        &["schema", "verify"],
        "It needs what `rowtide run` needs, and disturbs no run. It ends with 0 where all captured tables agree, and with 9 \
         where one does not.",
    ),
];

const CHECKPOINT: &str = "Needed are `--kafka` and `--topic-prefix`, with the settings that lead to the same Kafka and \
    the same checkpoint topic as the run's: the run's environment and file will do.";

/// Gives the names of settings.
type Names = fn() -> Vec<String>;

/// The settings of `run`, in sections.
const SECTIONS: [(&str, Names); 4] = [
    ("### The source", || {
        [
            setting_names::<SourceSettings>(),
            setting_names::<ReplicaSettings>(),
        ]
        .concat()
    }),
    ("### What is read", || {
        [
            setting_names::<TableSettings>(),
            setting_names::<CaptureSettings>(),
        ]
        .concat()
    }),
    ("### Kafka", || {
        [setting_names::<NameSettings>(), setting_names::<KafkaSettings>()].concat()
    }),
    ("### What is written", || {
        [
            setting_names::<DeliverySettings>(),
            setting_names::<CheckpointSettings>(),
            setting_names::<HistorySettings>(),
            setting_names::<CreationSettings>(),
        ]
        .concat()
    }),
];

/// The page.
fn page() -> String {
    let mut cli = crate::Cli::command();
    cli.build();
    let run = subcommand(&cli, &["run"]);
    let mut page = format!("{INTRODUCTION}\n## rowtide run\n\n{}.\n", about(run));
    for (title, names) in SECTIONS {
        let names = names();
        section(&mut page, title, run, |name| names.contains(name));
    }
    let told: Vec<String> = SECTIONS.iter().flat_map(|(_, names)| names()).collect();
    section(&mut page, "### The file and the log", run, |name| {
        !told.contains(name)
    });
    let _ = write!(
        page,
        "\n## A whole file\n\nIt is [docs/rowtide.toml](rowtide.toml).\n\n```toml\n{EXAMPLE}```\n"
    );
    other_commands(&mut page, &cli);
    page
}

fn other_commands(page: &mut String, cli: &Command) {
    let run = subcommand(cli, &["run"]);
    for (path, text) in OTHER_COMMANDS {
        let command = subcommand(cli, path);
        let text = text.replace("DEFAULT", tail::DEFAULT_NAME);
        let _ = write!(
            page,
            "\n## rowtide {}\n\n{}. {text}\n",
            path.join(" "),
            about(command)
        );
        shared_settings(page, command, run);
        own_arguments(page, command, run);
    }
}

/// Names the arguments that the command has in common with `run`.
fn shared_settings(page: &mut String, command: &Command, run: &Command) {
    let shared: Vec<String> = arguments(command)
        .filter(|a| is_of(a, run))
        .map(|a| format!("`{}`", long(a)))
        .collect();
    let _ = write!(page, "\nAs for `rowtide run`: {}.\n", shared.join(", "));
}

fn own_arguments(page: &mut String, command: &Command, run: &Command) {
    for argument in arguments(command).filter(|a| !is_of(a, run)) {
        entry(page, argument, Heading::Command);
    }
}

/// A part of the settings of `run`, those with a name that is `wanted`.
fn section(page: &mut String, title: &str, run: &Command, wanted: impl Fn(&String) -> bool) {
    let _ = write!(page, "\n{title}\n");
    for argument in arguments(run).filter(|a| a.get_long().is_some_and(|name| wanted(&name.to_owned()))) {
        entry(page, argument, Heading::Run);
    }
}

/// What an argument is described under.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heading {
    /// `rowtide run`: with the environment, the file and the default.
    Run,
    /// Another command, whose own arguments are arguments only.
    Command,
}

fn entry(page: &mut String, argument: &Arg, under: Heading) {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let (help, default) = split_default(&help, argument);
    let level = if under == Heading::Run { "####" } else { "###" };
    let _ = write!(page, "\n{level} `{}`\n\n", usage(argument));
    let required = under == Heading::Run && argument.get_long().is_some_and(|name| REQUIRED.contains(&name));
    let required = required || argument.is_required_set();
    let default = match default {
        Some(default) => format!("default: {default}"),
        None if required => "required".to_owned(),
        None => "no default".to_owned(),
    };
    let facts = [
        environment(argument),
        (under == Heading::Run).then(|| file_key(argument)),
        Some(default),
    ];
    let _ = write!(
        page,
        "{}\n\n{help}.\n",
        facts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    );
    values(page, argument);
}

/// The default is told by clap where clap knows it, else at the end of the help.
fn split_default(help: &str, argument: &Arg) -> (String, Option<String>) {
    if !argument.get_action().takes_values() {
        return (help.to_owned(), Some("not given".to_owned()));
    }
    if let [value] = argument.get_default_values() {
        return (help.to_owned(), Some(format!("`{}`", value.to_string_lossy())));
    }
    match help.split_once(" [default: ") {
        Some((help, default)) => (help.to_owned(), Some(default.trim_end_matches(']').to_owned())),
        None => (help.to_owned(), None),
    }
}

fn environment(argument: &Arg) -> Option<String> {
    argument
        .get_env()
        .map(|name| format!("environment: `{}`", name.to_string_lossy()))
}

fn file_key(argument: &Arg) -> String {
    let name = argument.get_long().unwrap_or_default().to_owned();
    let is_setting = setting_names::<Settings>().contains(&name);
    match is_setting && !setting_names::<ConfigArgument>().contains(&name) {
        true => format!("file: `{name}`"),
        false => "not in the file".to_owned(),
    }
}

fn values(page: &mut String, argument: &Arg) {
    let values = argument.get_possible_values();
    let told: Vec<_> = values.iter().filter(|value| value.get_help().is_some()).collect();
    if told.is_empty() {
        return;
    }
    page.push('\n');
    for value in told {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(page, "- `{}`: {help}", value.get_name());
    }
}

fn usage(argument: &Arg) -> String {
    let value = argument.get_value_names().unwrap_or_default().join(" ");
    let short = argument
        .get_short()
        .map(|c| format!("-{c}, "))
        .unwrap_or_default();
    match argument.get_long() {
        Some(name) if !argument.get_action().takes_values() => format!("{short}--{name}"),
        Some(name) => format!("{short}--{name} {value}"),
        None => format!("{value}…"),
    }
}

/// The arguments that are worth telling: not those that every program has.
fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version"))
}

/// Whether the command has the very same argument.
fn is_of(argument: &Arg, command: &Command) -> bool {
    argument.get_long().is_some()
        && command
            .get_arguments()
            .any(|other| other.get_long() == argument.get_long() && other.get_env() == argument.get_env())
}

fn long(argument: &Arg) -> String {
    format!("--{}", argument.get_long().unwrap_or_default())
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn subcommand<'a>(cli: &'a Command, path: &[&str]) -> &'a Command {
    path.iter()
        .fold(cli, |command, name| command.find_subcommand(name).unwrap())
}

mod tests {
    use super::*;
    use crate::options;
    use crate::settings::ConfigFile;

    #[test]
    fn the_page_of_the_configuration_is_that_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let page = page();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        let line = page
            .lines()
            .zip(written.lines())
            .position(|(code, docs)| code != docs);
        assert!(
            page == written,
            "docs/configuration.md differs from the code at line {}: renew it with \
             `UPDATE_DOCS=1 cargo test -p rowtide-cli --bin rowtide configuration`",
            line.unwrap_or_else(|| page.lines().count().min(written.lines().count())) + 1
        );
    }

    #[test]
    fn the_example_of_a_configuration_is_whole_and_can_be_used() {
        let mut settings = Settings::default()
            .filled(&ConfigFile::parse(EXAMPLE).unwrap())
            .unwrap();
        let keys: toml::Table = EXAMPLE.parse().unwrap();
        for name in setting_names::<Settings>() {
            assert!(
                keys.contains_key(&name) || name == "config",
                "docs/rowtide.toml lacks {name}"
            );
        }
        // Files that the reader of the example has and this machine has not.
        (
            settings.source.source_password_file,
            settings.kafka.kafka_config_file,
        ) = (None, None);
        (settings.source.source_ssl_mode, settings.source.source_ssl_ca) = (None, None);
        (settings.source.source_ssl_cert, settings.source.source_ssl_key) = (None, None);
        // What stands in one of them.
        settings
            .kafka
            .kafka_config
            .push("sasl.password=secret".to_owned());
        options::pipeline(&settings).unwrap();
    }

    #[test]
    fn what_the_configuration_calls_required_is() {
        options::pipeline(&least()).unwrap();
        for name in REQUIRED {
            let mut settings = least();
            match name {
                "source" => settings.source.source = None,
                "server-id" => settings.replica.server_id = None,
                "topic-prefix" => settings.name.topic_prefix = None,
                _ => settings.kafka.kafka = None,
            }
            let error = options::pipeline(&settings).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--{name} is missing")), "{error}");
        }
    }

    /// What is required, and nothing else.
    fn least() -> Settings {
        let mut settings = Settings::default();
        settings.source.source = Some("mysql://cdc@db".into());
        settings.replica.server_id = Some(5_400);
        settings.name.topic_prefix = Some("shop".into());
        settings.kafka.kafka = Some("kafka:9092".into());
        settings
    }
}
