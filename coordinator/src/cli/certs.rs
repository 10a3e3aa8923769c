//! `coordinator certs`.

use super::Failure;
use crate::certs::{self, Authority, Request, Validity, Written};
use crate::output;
use clap::{Args, Subcommand, ValueEnum};
use proto::{Credentials, Role};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Options of `certs`.
#[derive(Debug, Args)]
#[command(after_help = "Example, a run whose processes are on several machines:
  coordinator certs init -o certs
  coordinator certs issue --ca certs --role coordinator --dns head.example.org
  coordinator certs issue --ca certs --role learner --dns gpu-1.example.org
  coordinator certs issue --ca certs --role actor
  coordinator certs issue --ca certs --role user
  coordinator certs token -o certs/token

Then start every process with --tls certs --token-file certs/token, or with PROTEUS_TLS_DIR=certs and
PROTEUS_TOKEN_FILE=certs/token. A machine needs the folders of its roles and the token, never
ca-key.pem. Certificates and token can be replaced while processes run: they look every few seconds.")]
pub(super) struct Certs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an authority: what certificates of a run are held to
    Init(Init),
    /// Make the certificate of a coordinator, a learner, actors, or a user
    Issue(Issue),
    /// Make a join token: 256 random bits that every call must carry
    Token(Token),
}

#[derive(Debug, Args)]
struct Init {
    /// Folder to write to
    #[arg(short, long, value_name = "DIR", default_value = "certs")]
    output: PathBuf,
    /// How long it holds
    #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..))]
    days: u32,
}

#[derive(Debug, Args)]
struct Issue {
    /// What the process is. A certificate of one role cannot be used for another: an actor cannot
    /// act as the learner, nor the other way round
    #[arg(long, value_enum)]
    role: RoleName,
    /// Which one, for people and logs; a host name if it is reached by one [default: the role]
    #[arg(long)]
    name: Option<String>,
    /// A host name by which it is reached, besides its name and localhost; may be repeated
    #[arg(long, value_name = "HOST")]
    dns: Vec<String>,
    /// An address by which it is reached, besides 127.0.0.1 and ::1; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    ip: Vec<IpAddr>,
    /// How long it holds
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..))]
    days: u32,
    /// Folder of the authority
    #[arg(long, value_name = "DIR", default_value = "certs")]
    ca: PathBuf,
    /// Folder to write to; files of an older certificate are replaced [default: <CA>/<NAME>]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Token {
    /// File to write
    #[arg(short, long, value_name = "FILE", default_value = "certs/token")]
    output: PathBuf,
    /// Put a new token before the one that is there. The new one is sent from then on, and both
    /// are accepted
    #[arg(long)]
    rotate: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    /// Serves the control plane
    Coordinator,
    /// Trains
    Learner,
    /// Collects; all actors may share one
    Actor,
    /// Asks for the status, stops the run
    User,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Coordinator => Self::Coordinator,
            RoleName::Learner => Self::Learner,
            RoleName::Actor => Self::Actor,
            RoleName::User => Self::User,
        }
    }
}

impl Certs {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        match &self.command {
            Command::Init(init) => init.execute(),
            Command::Issue(issue) => issue.execute(),
            Command::Token(token) => token.execute(),
        }
    }
}

impl Init {
    fn execute(&self) -> Result<(), Failure> {
        let authority = Authority::create(Validity::days(self.days)).map_err(Failure::run)?;
        say(&authority.write(&self.output).map_err(Failure::run)?);
        output::line(format!(
            "\nnext: coordinator certs issue --ca {} --role coordinator|learner|actor|user",
            self.output.display()
        ));
        Ok(())
    }
}

impl Issue {
    fn execute(&self) -> Result<(), Failure> {
        let role = Role::from(self.role);
        let name = self.name.clone().unwrap_or_else(|| role.name().to_owned());
        let folder = self.output.clone().unwrap_or_else(|| self.ca.join(&name));
        let request = Request {
            role,
            name,
            dns: self.dns.clone(),
            ip: self.ip.clone(),
            validity: Validity::days(self.days),
        };
        let authority = Authority::read(&self.ca).map_err(Failure::run)?;
        let leaf = authority.issue(&request).map_err(Failure::usage)?;
        say(&leaf.write(&folder).map_err(Failure::run)?);
        // As the process will read them.
        Credentials::open(role, Some(&folder), None).map_err(Failure::run)?;
        let days = self.days;
        output::line(format!("\n{}", usage(role, &folder)));
        output::line(format!(
            "it holds for {days} days; issue it again in time, into the same folder"
        ));
        Ok(())
    }
}

impl Token {
    fn execute(&self) -> Result<(), Failure> {
        let made = match self.rotate {
            true => certs::rotate_token(&self.output),
            false => certs::create_token(&self.output),
        };
        say(&[made.map_err(Failure::run)?]);
        let file = self.output.display();
        output::line(format!(
            "\nuse: --token-file {file}, or PROTEUS_TOKEN_FILE={file}, for every process"
        ));
        Ok(())
    }
}

fn usage(role: Role, folder: &Path) -> String {
    let program = match role {
        Role::Coordinator => "coordinator serve",
        Role::Learner => "learner run",
        Role::Actor => "actor run",
        Role::User => "coordinator status",
    };
    let folder = folder.display();
    format!("use: {program} --tls {folder} …, or PROTEUS_TLS_DIR={folder}")
}

fn say(files: &[Written]) {
    for Written { path, what } in files {
        output::line(format!("wrote {} ({what})", path.display()));
    }
}
