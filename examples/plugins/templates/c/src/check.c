// A custom check: files that the change adds or touches must not say NOCOMMIT on the lines that it adds.
//
// The bindings free what is returned, so all of it comes from `malloc` and stands there once. Nothing else is freed: each call
// has a fresh memory, which goes with it. A trap, an abort and a failed allocation end the call, and the verdict is
// `plugin-error`, never a pass.

#include <stdlib.h>
#include <string.h>

#include "my_check.h"

static const char WORD[] = "NOCOMMIT";

typedef passmuster_check_change_changed_file_t file_t;
typedef passmuster_check_types_finding_t finding_t;
typedef passmuster_check_types_list_finding_t findings_t;

static void *room(size_t bytes) {
  void *made = calloc(1, bytes);
  if (made == NULL) abort();
  return made;
}

static my_check_string_t text(const char *words) {
  my_check_string_t made;
  my_check_string_dup(&made, words);
  return made;
}

static my_check_string_t copy(const my_check_string_t *words) {
  my_check_string_t made;
  my_check_string_dup_n(&made, (const char *)words->ptr, words->len);
  return made;
}

void exports_passmuster_check_checker_describe(exports_passmuster_check_checker_info_t *info) {
  exports_passmuster_check_checker_rule_t *rule = room(sizeof *rule);
  rule->id = text("nocommit");
  rule->summary = text("An added line says NOCOMMIT.");
  // Without a `config_schema`, a JSON Schema of `config` in the policy, any configuration but an empty one is an error.
  *info = (exports_passmuster_check_checker_info_t){
      .name = text("my-check"),
      .version = text("0.1.0"),
      .description = text("Finds NOCOMMIT on added lines."),
      .rules = {.ptr = rule, .len = 1},
  };
}

static bool is_added(const file_t *file, uint32_t line) {
  for (size_t i = 0; i < file->hunks.len; i++) {
    const passmuster_check_change_hunk_t *hunk = &file->hunks.ptr[i];
    if (line >= hunk->new_start && line - hunk->new_start < hunk->new_lines) return true;
  }
  return false;
}

static bool says_it(const uint8_t *line, size_t length) {
  size_t word = sizeof WORD - 1;
  for (size_t at = 0; at + word <= length; at++) {
    if (memcmp(line + at, WORD, word) == 0) return true;
  }
  return false;
}

static void add_finding(findings_t *findings, const file_t *file, uint32_t line) {
  finding_t *more = realloc(findings->ptr, (findings->len + 1) * sizeof *more);
  if (more == NULL) abort();
  passmuster_check_types_location_t *place = room(sizeof *place);
  place->side = PASSMUSTER_CHECK_TYPES_SIDE_CANDIDATE;
  place->path = copy(&file->path);
  place->region.is_some = true;
  place->region.val.start.line = line;
  findings->ptr = more;
  // Without a `fingerprint` the host makes one of rule, path and message.
  findings->ptr[findings->len++] = (finding_t){
      .rule = text("nocommit"),
      .severity = PASSMUSTER_CHECK_TYPES_SEVERITY_ERROR,
      .message = text("An added line says NOCOMMIT."),
      .locations = {.ptr = place, .len = 1},
  };
}

static void look_at(const file_t *file, const my_check_string_t *content, findings_t *findings) {
  const uint8_t *line = content->ptr, *end = content->ptr + content->len;
  for (uint32_t number = 1; line < end; number++) {
    const uint8_t *stop = memchr(line, '\n', (size_t)(end - line));
    if (stop == NULL) stop = end;
    if (is_added(file, number) && says_it(line, (size_t)(stop - line))) add_finding(findings, file, number);
    line = stop + 1;
  }
}

// Deleted, a link, a submodule, or no text: nothing to read.
static bool is_no_text(const passmuster_check_trees_tree_error_t *error) {
  switch (error->tag) {
    case PASSMUSTER_CHECK_TREES_TREE_ERROR_NOT_FOUND:
    case PASSMUSTER_CHECK_TREES_TREE_ERROR_WRONG_KIND:
    case PASSMUSTER_CHECK_TREES_TREE_ERROR_ABSENT:
    case PASSMUSTER_CHECK_TREES_TREE_ERROR_NOT_TEXT:
      return true;
    default:
      return false;
  }
}

bool exports_passmuster_check_checker_check(exports_passmuster_check_checker_change_set_t *change, my_check_string_t *config,
                                            exports_passmuster_check_checker_report_t *report,
                                            exports_passmuster_check_checker_check_error_t *error) {
  (void)config;
  passmuster_check_trees_borrow_tree_t candidate =
      passmuster_check_trees_borrow_tree(passmuster_check_trees_open(PASSMUSTER_CHECK_TYPES_SIDE_CANDIDATE));
  findings_t findings = {0};
  for (size_t i = 0; i < change->files.len; i++) {
    file_t *file = &change->files.ptr[i];
    my_check_string_t content;
    passmuster_check_trees_tree_error_t trouble;
    if (passmuster_check_trees_method_tree_read_text(candidate, &file->path, &content, &trouble)) {
      look_at(file, &content, &findings);
    } else if (!is_no_text(&trouble)) {
      // Never a pass for what could not be looked at.
      error->tag = PASSMUSTER_CHECK_TYPES_CHECK_ERROR_UNSUPPORTED;
      error->val.unsupported = copy(&file->path);
      return false;
    }
  }
  *report = (exports_passmuster_check_checker_report_t){
      .outcome = findings.len == 0 ? PASSMUSTER_CHECK_TYPES_OUTCOME_PASS : PASSMUSTER_CHECK_TYPES_OUTCOME_FAIL,
      .findings = findings,
  };
  return true;
}
