//! Hold the agent or let it go: one pure table.

use passmuster_policy::verdict::Decision;

use super::event::Moment;

/// What could be found out in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// There is nothing to verify.
    Unchanged,
    /// The verdict, and how it is told to an agent.
    Verdict {
        /// The candidate; none where no tree came of the proposal.
        tree: Option<String>,
        /// The word.
        decision: Decision,
        /// The report.
        report: String,
    },
    /// It is still being found out.
    Pending {
        /// The candidate; none where it is not read yet.
        tree: Option<String>,
    },
    /// It cannot be found out here.
    Failed(String),
}

/// What the client is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Go on.
    Go,
    /// Go on, and tell the human.
    Notice(String),
    /// Not yet, and tell the agent why.
    Block(String),
}

/// The first line of everything that holds an agent.
const HELD: &str = "Passmuster holds this back; its verdict on the working tree:";
/// What an agent can do while a verdict is being found out.
const PENDING: &str = "Passmuster has no verdict on the working tree yet; it is being verified. Call the tool `verify` of the MCP server `passmuster` (or run \
                       `passmuster verify`) and wait for its verdict, then go on.";

/// The answer. `blocked` says that this session was held for the same tree and moment before.
pub(super) fn decide(moment: Moment, known: &Known, blocked: bool) -> Answer {
    let ending = moment == Moment::End;
    match known {
        _ if moment == Moment::Other => Answer::Go,
        Known::Unchanged => Answer::Go,
        Known::Verdict { decision, report, .. } => match decision {
            Decision::Pass => Answer::Go,
            Decision::Fail if ending && blocked => Answer::Notice(
                "the change still fails, and nothing of it changed since the agent was told; see `passmuster show`".to_owned(),
            ),
            Decision::Fail => Answer::Block(format!("{HELD}\n{report}")),
            Decision::Review => Answer::Notice(
                "the change needs a person's review before it is merged; see `passmuster show`".to_owned(),
            ),
            Decision::Inconclusive => Answer::Notice(
                "the change could not be verified; see `passmuster show`".to_owned(),
            ),
        },
        Known::Pending { .. } if blocked => Answer::Notice(
            "the change is still being verified; `passmuster history` will have the verdict".to_owned(),
        ),
        Known::Pending { .. } => Answer::Block(PENDING.to_owned()),
        Known::Failed(why) => Answer::Notice(format!("nothing was verified: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(decision: Decision) -> Known {
        Known::Verdict {
            tree: None,
            decision,
            report: "report".to_owned(),
        }
    }

    #[test]
    fn only_what_the_agent_can_mend_holds_it_and_an_unchanged_tree_never_twice_at_the_end() {
        let pending = Known::Pending { tree: None };
        let failed = Known::Failed("why".to_owned());
        let (block, notice, go) = ("block", "notice", "go");
        for (known, first, again_at_end, again_before_leaving) in [
            (Known::Unchanged, go, go, go),
            (verdict(Decision::Pass), go, go, go),
            (verdict(Decision::Fail), block, notice, block),
            (verdict(Decision::Review), notice, notice, notice),
            (verdict(Decision::Inconclusive), notice, notice, notice),
            (pending, block, notice, notice),
            (failed, notice, notice, notice),
        ] {
            let word = |moment, blocked| match decide(moment, &known, blocked) {
                Answer::Go => go,
                Answer::Notice(_) => notice,
                Answer::Block(text) => {
                    assert!(!text.is_empty(), "a client lets an empty reason pass");
                    block
                }
            };
            assert_eq!(word(Moment::End, false), first, "{known:?}");
            assert_eq!(word(Moment::Leave, false), first, "{known:?}");
            assert_eq!(word(Moment::End, true), again_at_end, "{known:?}");
            assert_eq!(word(Moment::Leave, true), again_before_leaving, "{known:?}");
            assert_eq!(word(Moment::Other, false), go, "{known:?}");
        }
    }
}
