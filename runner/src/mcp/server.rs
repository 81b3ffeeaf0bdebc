//! The connection: from a client's call to an answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use passmuster_policy::feedback::{BUDGET, Feedback};
use passmuster_policy::policy::Isolation;
use passmuster_policy::reason::ReasonCode;
use passmuster_policy::verdict::Verdict;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, JsonObject,
    ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities,
    ServerConfig, Tool,
};
use rmcp::service::{QuitReason, RequestContext};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::io::stdio_pipes;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answers::{self, Explained, PolicyShown, SectionShown};
use super::places::{Place, Places};
use super::runs::{Change, Runs, Standing, Terms};
use super::tools::{self, LONGEST_WAIT, Name};
use crate::error::UserError;
use crate::policy_source;
use crate::proposal::PATCH_CAP;
use crate::report::feedback;
use crate::repository::Repository;
use crate::store::Store;
use crate::verify::World;

/// How often a client that waits is told that it is not in vain.
const PROGRESS: Duration = Duration::from_secs(5);
/// The shortest wait: what is stored is answered at once, whatever the client says.
const SHORTEST_WAIT: Duration = Duration::from_millis(500);
/// How long verifications that were told to stop may take to.
const FAREWELL: Duration = Duration::from_secs(10);
/// Longest message of a client: a patch of the largest size in JSON, whose escapes may double it.
const LINE: usize = 2 * PATCH_CAP as usize;

/// What a model reads before it sees any tool.
const INSTRUCTIONS: &str = "Passmuster decides whether your change may be proposed. Call `verify` before you commit, push, open a pull request or \
     say that you are done. Only the verdict `pass` means yes. After `fail`, fix your code and verify again. After `review` or \
     `inconclusive`, stop and tell the human. What a change is held to is the operator's choice; never edit tests or the policy to get a pass.";

/// What the operator settles.
#[derive(Clone, Debug)]
pub struct Options {
    /// The repositories that are open to the agent.
    pub repositories: Vec<PathBuf>,
    /// The base of each; none: where its HEAD left the default branch.
    pub base: Option<String>,
    /// Where the policy comes from.
    pub policy: policy_source::Choice,
    /// The least isolation that is accepted.
    pub isolation: Option<Isolation>,
}

/// Serves one client over standard input and output until it goes or the program is asked to stop.
pub async fn serve(world: &World, options: Options) -> Result<(), UserError> {
    let terms = Terms {
        policy: options.policy,
        isolation: options.isolation,
    };
    let server = Server {
        places: Places::open(
            &options.repositories,
            options.base.as_deref(),
            &world.cache.git(),
        ),
        runs: Arc::new(Runs::new(world.clone(), terms.clone())),
        terms,
        world: world.clone(),
    };
    let runs = Arc::clone(&server.runs);
    let (reader, writer) = stdio_pipes();
    let transport = AsyncRwTransport::new(reader, writer).with_max_line_length(LINE);
    let done = tokio::select! {
        done = talk(server, transport) => done,
        () = world.stop.clone().requested() => Ok(()),
    };
    world.stop.ask();
    let _ = tokio::time::timeout(FAREWELL, runs.idle()).await;
    done
}

async fn talk<R, W>(
    server: Server,
    transport: AsyncRwTransport<RoleServer, R, W>,
) -> Result<(), UserError>
where
    R: tokio::io::AsyncRead + Send + Unpin + 'static,
    W: tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let broken =
        |error: String| UserError::usage(format!("the client does not speak MCP: {error}"));
    let service = server
        .serve(transport)
        .await
        .map_err(|error| broken(error.to_string()))?;
    match service.waiting().await {
        Ok(QuitReason::JoinError(error)) | Err(error) => Err(UserError::internal(format!(
            "the server broke down: {error}"
        ))),
        Ok(_) => Ok(()),
    }
}

#[derive(Clone, Debug)]
struct Server {
    world: World,
    terms: Terms,
    places: Places,
    runs: Arc<Runs>,
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let name = Implementation::new("passmuster", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(name)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(
            Name::ALL.map(Name::tool).to_vec(),
        ))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        Name::named(name).map(Name::tool)
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = Name::named(&call.name).ok_or_else(|| {
            ErrorData::invalid_params(format!("there is no tool `{}`", call.name), None)
        })?;
        let given = call.arguments.unwrap_or_default();
        let result = match name {
            Name::Verify => answer(self.verify(given, &context).await, answers::failed),
            Name::VerifyWait => answer(self.verify_wait(given, &context).await, answers::failed),
            Name::Verdict => answer(self.verdict(given), SectionShown::failed),
            Name::Explain => answer(self.explain(given), Explained::failed),
            Name::Policy => answer(self.policy(given).await, PolicyShown::failed),
        };
        Ok(result.into())
    }
}

impl Server {
    async fn verify(
        &self,
        given: JsonObject,
        context: &RequestContext<RoleServer>,
    ) -> Result<Feedback, UserError> {
        let asked: tools::Verify = arguments(Name::Verify, given)?;
        let place = self.places.named(asked.repo.as_deref())?;
        let change = change(asked.patch, asked.worktree)?;
        let base = place.base()?.clone();
        let read = self.runs.start(place.root.clone(), base, change);
        let run = tokio::time::timeout(LONGEST_WAIT, read)
            .await
            .map_err(|_| UserError::usage("the change could not be read in time"))??;
        self.wait(&run, asked.wait_s, context).await
    }

    async fn verify_wait(
        &self,
        given: JsonObject,
        context: &RequestContext<RoleServer>,
    ) -> Result<Feedback, UserError> {
        let asked: tools::VerifyWait = arguments(Name::VerifyWait, given)?;
        self.wait(&asked.run, asked.wait_s, context).await
    }

    /// Waits for a run until it ends, the wait is over or the client cancels it; the run goes on.
    async fn wait(
        &self,
        run: &str,
        seconds: Option<u64>,
        context: &RequestContext<RoleServer>,
    ) -> Result<Feedback, UserError> {
        let end = Instant::now() + patience(seconds);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let standing = tokio::select! {
                standing = self.runs.wait(run, left.min(PROGRESS)) => standing,
                () = context.ct.cancelled() => Standing::Running(Duration::ZERO),
            };
            let over = left <= PROGRESS || context.ct.is_cancelled();
            match standing {
                Standing::Done(outcome) => {
                    return outcome.as_ref().as_ref().map(told).map_err(Clone::clone);
                }
                Standing::Unknown => {
                    return self
                        .stored(run)
                        .map(|(run, verdict)| feedback::of(&verdict, &run).within(BUDGET));
                }
                Standing::Running(time) if over => {
                    return Ok(answers::running(run, time.as_secs()));
                }
                Standing::Running(time) => tell_progress(context, time).await,
            }
        }
    }

    fn verdict(&self, given: JsonObject) -> Result<SectionShown, UserError> {
        let asked: tools::Verdict = arguments(Name::Verdict, given)?;
        let (run, verdict) = self.ended(&asked.run)?;
        answers::section(
            &verdict,
            &run,
            asked.section.as_deref(),
            asked.from.unwrap_or_default(),
        )
    }

    fn explain(&self, given: JsonObject) -> Result<Explained, UserError> {
        let asked: tools::Explain = arguments(Name::Explain, given)?;
        match (asked.code, asked.run) {
            (Some(code), None) => {
                let code: ReasonCode = code
                    .parse()
                    .map_err(|error| UserError::usage(format!("{error}")))?;
                Ok(Explained::of([code]))
            }
            (None, Some(run)) => {
                let (_, verdict) = self.ended(&run)?;
                let reasons = verdict.reasons.iter().map(|reason| reason.code);
                let review = verdict.review.iter().map(|review| review.code);
                Ok(Explained::of(reasons.chain(review)))
            }
            _ => Err(UserError::usage("give either `code` or `run`")),
        }
    }

    async fn policy(&self, given: JsonObject) -> Result<PolicyShown, UserError> {
        let asked: tools::Policy = arguments(Name::Policy, given)?;
        let place = self.places.named(asked.repo.as_deref())?.clone();
        let server = self.clone();
        // Git is asked and waited for.
        let shown = tokio::task::spawn_blocking(move || server.policy_of(&place)).await;
        shown.map_err(|error| UserError::internal(error.to_string()))?
    }

    fn policy_of(&self, place: &Place) -> Result<PolicyShown, UserError> {
        let base = place.base()?;
        let (cache, operator) = (&self.world.cache, &self.world.operator);
        let repository = Repository::open(&place.root, &cache.git())?;
        let choice = &self.terms.policy;
        let loaded = policy_source::load_for(&repository, &base.tree, choice, (cache, operator))?;
        Ok(PolicyShown::of(&loaded, base))
    }

    /// A verdict by the name of its run: one of this server, else one of the store.
    fn ended(&self, run: &str) -> Result<(String, Verdict), UserError> {
        match self.runs.now(run) {
            Standing::Running(_) => Err(UserError::usage(format!(
                "run {run} is still under way; wait for it with verify_wait"
            ))),
            Standing::Unknown => self.stored(run),
            Standing::Done(outcome) => match outcome.as_ref() {
                Ok(verified) => Ok((verified.run.clone(), verified.verdict.clone())),
                Err(error) => Err(error.clone()),
            },
        }
    }

    fn stored(&self, run: &str) -> Result<(String, Verdict), UserError> {
        let unknown = || {
            UserError::usage(format!(
                "there is no run {run:?}; call verify again: what was verified before is answered at once"
            ))
        };
        if run.is_empty() {
            return Err(unknown());
        }
        // Whole ids, and of the repositories that are open: the store has everybody's.
        let found = Store::open(&self.world.cache.history())?
            .run(run)?
            .filter(|found| found.run == run && self.places.holds(&found.repository))
            .ok_or_else(unknown)?;
        let verdict = serde_json::from_str(&found.json).map_err(|_| unknown())?;
        Ok((found.run, verdict))
    }
}

fn told(verified: &crate::verify::Verified) -> Feedback {
    feedback::of(&verified.verdict, &verified.run).within(BUDGET)
}

fn change(patch: Option<String>, worktree: Option<bool>) -> Result<Change, UserError> {
    match (patch, worktree) {
        (Some(_), Some(true)) => Err(UserError::usage(
            "give either `patch` or `worktree`, not both",
        )),
        (Some(patch), _) => Ok(Change::Patch(patch.into_bytes())),
        (None, Some(false)) => Err(UserError::usage(
            "give a `patch`, or leave `worktree` out to verify the working tree",
        )),
        (None, _) => Ok(Change::WorkingTree),
    }
}

/// A call's arguments. An agent that tries to choose what is the operator's learns whose it is.
fn arguments<T: DeserializeOwned>(tool: Name, given: JsonObject) -> Result<T, UserError> {
    serde_json::from_value(Value::Object(given)).map_err(|error| {
        UserError::usage(format!(
            "the arguments of {}: {error}; base, policy, checks and limits are the operator's choice",
            tool.as_str()
        ))
    })
}

/// How long a call waits that asks for so much.
fn patience(seconds: Option<u64>) -> Duration {
    let asked = seconds.map_or(LONGEST_WAIT, Duration::from_secs);
    asked.clamp(SHORTEST_WAIT, LONGEST_WAIT)
}

async fn tell_progress(context: &RequestContext<RoleServer>, time: Duration) {
    let Some(token) = context.meta.get_progress_token() else {
        return;
    };
    let told = ProgressNotificationParam::new(token, time.as_secs_f64())
        .with_message(format!("verifying for {} s", time.as_secs()));
    // A client that is gone needs no progress.
    let _ = context.peer.notify_progress(told).await;
}

/// An answer of either kind, structured; what clients of the old way read is the same JSON as text.
fn answer<T: Serialize>(
    result: Result<T, UserError>,
    failed: impl FnOnce(&UserError) -> T,
) -> CallToolResult {
    let (answer, broken) = match result {
        Ok(answer) => (answer, false),
        Err(error) => {
            let set_up = error.code == Some(ReasonCode::PolicyMissing);
            (failed(&error), !set_up)
        }
    };
    match serde_json::to_value(answer) {
        Ok(value) if broken => CallToolResult::structured_error(value),
        Ok(value) => CallToolResult::structured(value),
        Err(error) => CallToolResult::structured_error(Value::String(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_waits_longer_than_clients_do_or_too_short_for_what_is_stored() {
        for (asked, waits) in [
            (None, LONGEST_WAIT),
            (Some(0), SHORTEST_WAIT),
            (Some(7), Duration::from_secs(7)),
            (Some(46), LONGEST_WAIT),
            (Some(u64::MAX), LONGEST_WAIT),
        ] {
            assert_eq!(patience(asked), waits, "{asked:?}");
        }
    }
}
