//! The command line. Doc comments of arguments are the help texts, where backticks would be printed.

#![expect(clippy::doc_markdown, reason = "doc comments here are printed as they stand")]

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Can this Azure Application Gateway reach its backends, which rule decides, and is the network why one is unhealthy?
/// Answers from exported files alone.
#[derive(Debug, Parser)]
#[command(name = "gatepath", version, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Files or folders: without a command they are inspected and the most telling answer is printed.
    #[arg(value_name = "SNAPSHOT")]
    pub paths: Vec<PathBuf>,
}

impl Cli {
    /// The command line, where each command takes the formats that it prints, and no other.
    pub fn with_formats() -> clap::Command {
        const TABLES: &[&str] = &["text", "json", "csv"];
        let formats: [(&str, &[&str]); 7] = [
            ("inspect", &["text", "json"]),
            ("check", &["text", "json", "csv", "azure-diag", "azure-ipflow"]),
            ("matrix", TABLES),
            ("health", &["text", "json", "csv", "md"]),
            ("bisect", &["text", "json"]),
            ("replay", &["text", "json"]),
            ("lint", TABLES),
        ];
        formats.into_iter().fold(Cli::command(), |cli, (name, formats)| {
            let parser =
                PossibleValuesParser::new(formats).try_map(|word| <Format as ValueEnum>::from_str(&word, false));
            cli.mut_subcommand(name, |command| command.mut_arg("format", |argument| argument.value_parser(parser)))
        })
    }
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What was understood from which file, and what is missing for which question
    #[command(after_help = FORMATS)]
    Inspect(InspectArgs),
    /// One flow or flow set with its trace, or many flows from a CSV file
    #[command(
        after_help = "examples:\n  gatepath check snap/ --from agw-shop --to 10.20.2.5:8080\n  gatepath check snap/ --flows flows.csv -o csv\n\nflows.csv has the columns source,destination,protocol,source_port,destination_port\n(empty source port = any ephemeral port; empty destination port for Icmp, Esp, Ah)"
    )]
    Check(CheckArgs),
    /// Every gateway -> backend path: pools x settings x servers x ports
    Matrix(MatrixArgs),
    /// Recorded backend health joined with the simulated paths
    Health(HealthArgs),
    /// The first of several snapshots in which a path is open or blocked unlike before, and the edit that made it so
    #[command(
        after_help = "example:\n  gatepath bisect snap/ --before 2026-11-18T06:00Z=snap-18 --before 2026-11-19T06:00Z=snap-19 --from agw-shop --to 10.20.2.5:8080\n\nexit 0, 1, 3 as `check` for the newest snapshot; 2: could not run"
    )]
    Bisect(BisectArgs),
    /// Recorded answers of Azure's own tools asked again; every disagreement explained with both traces
    #[command(
        after_help = "a record is an object or array of {\"operation\", \"query\", \"answer\"} with Azure's REST bodies (ipFlowVerify, nextHop,\nnetworkConfigurationDiagnostic, effectiveNetworkSecurityGroups, securityGroupView, effectiveRouteTable), an output of az\nor PowerShell, or a flow log (NSG flow logs 1 and 2, virtual network flow logs 4)\n\nexit 0: all agree; 1: something disagrees; 3: something cannot be compared; 2: could not run"
    )]
    Replay(ReplayArgs),
    /// What Azure would refuse, and what a gateway subnet needs
    Lint(LintArgs),
    /// What a code, stage, message or class means
    Explain(ExplainArgs),
    /// A built-in sample with a blocked backend
    Demo(DemoArgs),
}

const FORMATS: &str = "formats (told apart by content, any mix of files and folders, `-` is standard input):
  az network ... list|show -o json, REST objects, {\"value\": [...]}, {\"resources\": [...]},
  PowerShell ConvertTo-Json -Depth 20, Resource Graph answers, service-tag files,
  backend health (show-backend-health, on demand, PowerShell), hosts maps, recorded HTTP answers";

/// Input and output that every answering command takes.
#[derive(Debug, Args)]
pub struct Common {
    /// Files or folders of exports in any recognised format; `-` is standard input
    #[arg(value_name = "SNAPSHOT", required = true)]
    pub paths: Vec<PathBuf>,
    /// Resolve a name: NAME=ADDRESS, or @FILE with a hosts map or hosts-format text (repeatable)
    #[arg(long, value_name = "NAME=IP|@FILE")]
    pub resolve: Vec<String>,
    /// Take something for granted; printed in every answer that used it (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = ["nic=none", "appliance=transparent"])]
    pub assume: Vec<String>,
    /// What an unknown answer does to the exit code: 1, 3 or 0
    #[arg(long, value_enum, default_value_t = OnUnknown::Unknown)]
    pub on_unknown: OnUnknown,
    /// Output settings.
    #[command(flatten)]
    pub output: Output,
}

impl Common {
    /// The given files with every setting at its default, and no findings on standard error.
    pub fn quiet(paths: Vec<PathBuf>) -> Self {
        let output = Output {
            format: Format::Text,
            color: Color::Auto,
            quiet: true,
            jobs: 0,
            limit_bytes: crate::ingest::DEFAULT_LIMIT,
        };
        Common { paths, resolve: Vec::new(), assume: Vec::new(), on_unknown: OnUnknown::Unknown, output }
    }
}

/// Output settings.
#[derive(Debug, Args)]
pub struct Output {
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Colours: `auto` follows the terminal and NO_COLOR
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// No findings and no progress on standard error
    #[arg(short, long)]
    pub quiet: bool,
    /// Threads (0 = one per core); the answer does not depend on it
    #[arg(short = 'j', long, default_value_t = 0, value_name = "N")]
    pub jobs: usize,
    /// Largest file that is read, in bytes
    #[arg(long, default_value_t = crate::ingest::DEFAULT_LIMIT, value_name = "BYTES")]
    pub limit_bytes: u64,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For reading.
    Text,
    /// One JSON document.
    Json,
    /// Comma-separated values.
    Csv,
    /// Markdown, for a ticket.
    Md,
    /// check: as NSG diagnostics print it.
    AzureDiag,
    /// check: as IP flow verify prints it.
    AzureIpflow,
}

/// Colour settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// By terminal and NO_COLOR.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Effect of unknown answers on the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnUnknown {
    /// Exit 3 (the default).
    Unknown,
    /// Exit 1.
    Error,
    /// Exit 0.
    Warn,
    /// Exit 0.
    Ignore,
}

/// `inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Input and output.
    #[command(flatten)]
    pub common: Common,
}

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Input and output.
    #[command(flatten)]
    pub common: Common,
    /// Source: gateway, subnet or NIC (name, rg/name or id), address or prefix; may be left out with one gateway
    #[arg(long, value_name = "SOURCE", conflicts_with = "flows")]
    pub from: Option<String>,
    /// Destination: address, NIC or resolved name, with a port: 10.20.2.5:8080, [fd00::4]:443
    #[arg(long, value_name = "DESTINATION[:PORT]", required_unless_present = "flows", conflicts_with = "flows")]
    pub to: Option<String>,
    /// Protocol: tcp, udp, icmp, esp or ah
    #[arg(long, default_value = "tcp", value_name = "PROTOCOL")]
    pub proto: String,
    /// Source port; without it any ephemeral port (49152-65535)
    #[arg(long, value_name = "PORT")]
    pub src_port: Option<u16>,
    /// CSV file of flows; `-` is standard input
    #[arg(long, value_name = "FLOWS.csv")]
    pub flows: Option<PathBuf>,
}

/// `matrix`.
#[derive(Debug, Args)]
pub struct MatrixArgs {
    /// Input and output.
    #[command(flatten)]
    pub common: Common,
    /// Only this gateway (name, rg/name or id)
    #[arg(long, alias = "from", value_name = "NAME")]
    pub gateway: Option<String>,
}

/// `health`.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Input and output.
    #[command(flatten)]
    pub common: Common,
    /// Recorded backend health (repeatable); records among the SNAPSHOT files count too
    #[arg(long, value_name = "FILE")]
    pub record: Vec<PathBuf>,
    /// Flow log (NSG flow logs 1 and 2, virtual network flow logs 4; repeatable): what it denied from the gateway confirms
    /// a block, what it let through refutes one
    #[arg(long, value_name = "FILE")]
    pub flow_log: Vec<PathBuf>,
    /// Which column of a recorded table holds what, where its name is not known: server=NAME, time=NAME (repeatable;
    /// fields: time, gateway, instance, pool, setting, server, port, state, message)
    #[arg(long, value_name = "FIELD=COLUMN")]
    pub map: Vec<String>,
    /// When the record was taken, for records without a time: 2026-11-20T07:42Z
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// What changed and when: activity log or Resource Graph resourcechanges (repeatable)
    #[arg(long, value_name = "FILE")]
    pub changes: Vec<PathBuf>,
    /// An earlier snapshot and its time; without a time only the order is known (repeatable)
    #[arg(long, value_name = "TIME=DIR")]
    pub before: Vec<String>,
    /// Only this gateway (name, rg/name or id)
    #[arg(long, value_name = "NAME")]
    pub gateway: Option<String>,
    /// Only rows of histories and logs from this time on: 2026-11-20T06:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only this backend pool
    #[arg(long, value_name = "NAME")]
    pub pool: Option<String>,
    /// Only servers of this kind
    #[arg(long, value_enum, value_name = "KIND")]
    pub only: Option<Only>,
}

/// Servers that `health --only` keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Only {
    /// Recorded as not healthy.
    Unhealthy,
    /// Not healthy because of the network.
    Network,
    /// Down with a connect failure or timeout that no rule explains.
    Unexplained,
    /// Healthy now, with a path that is blocked or partly blocked.
    Latent,
}

/// `bisect`.
#[derive(Debug, Args)]
pub struct BisectArgs {
    /// Input and output.
    #[command(flatten)]
    pub common: Common,
    /// An earlier snapshot and its time; without a time the order given is the order in time (repeatable)
    #[arg(long, value_name = "TIME=DIR", required = true)]
    pub before: Vec<String>,
    /// Source: gateway, subnet or NIC (name, rg/name or id), address or prefix; may be left out with one gateway
    #[arg(long, value_name = "SOURCE")]
    pub from: Option<String>,
    /// Destination with its port: 10.20.2.5:8080, [fd00::4]:443
    #[arg(long, value_name = "DESTINATION:PORT")]
    pub to: String,
}

/// `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Input and output.
    #[command(flatten)]
    pub common: Common,
    /// Recorded questions with their answers (repeatable); never used as configuration
    #[arg(long, value_name = "FILE", required = true)]
    pub record: Vec<PathBuf>,
}

/// `lint`.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// Input and output.
    #[command(flatten)]
    pub common: Common,
    /// Exit 1 from this severity on
    #[arg(long, value_enum, default_value_t = FailOn::Error)]
    pub fail_on: FailOn,
}

/// Severity from which `lint` fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors.
    Error,
    /// Warnings and errors.
    Warning,
    /// Every finding.
    Note,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A finding (GP201, priority-conflict, SecurityRuleConflict), a stage (nsg-in-nic), a message of the health
    /// catalogue (M04a) or a class (NETWORK_BLOCK); `all` lists everything
    #[arg(value_name = "CODE")]
    pub code: String,
}

/// `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Colours: `auto` follows the terminal and NO_COLOR
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}
