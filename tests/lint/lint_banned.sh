#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Calls that have a better one here. Each row: words | files where it is allowed | advice.
. "$(dirname "$0")/files.sh"

RULES='
strcpy|stpcpy|strncpy @ ^$ @ kn_copy() always terminates
strcat|strncat|sprintf|vsprintf @ ^$ @ struct kn_strbuf, or snprintf() into an array
gets|scanf @ ^$ @ read a buffer and parse it strictly
system|popen @ ^tests/ @ posix_spawn() with an argument vector: no shell sees the text
atoi|atol|atoll|atof @ ^tests/ @ strtoll() with its end and range checked
strtok @ ^$ @ strcspn() and strspn() leave the text alone
rand|random|srand|srandom @ ^$ @ kn_random() or getrandom()
gmtime|localtime|ctime|asctime|mktime @ ^$ @ lib/base/clock.h
malloc|calloc|realloc|strdup|strndup|asprintf|vasprintf @ ^(lib/base/mem.c|tests/) @ lib/base/mem.h: out of memory aborts
setjmp|longjmp|alloca @ ^$ @ return codes and cleanup attributes
sleep|usleep|nanosleep|clock_nanosleep @ ^(lib/|lab/|compute-agent/|api/|compute/|identity/|conductor/|image/|network/|volume/|scheduler/|cli/|tests/support/|tests/bench/) @ wait for the event with a limit, never for luck
mkdtemp|mkstemp|tmpnam @ ^(tests/support/scratch.c|tests/unit/adapter/test_conf.c)$ @ kn_test_dir() follows TMPDIR
assert @ ^tests/ @ _Static_assert, or abort() with a reason
'

WORDS=$(printf '%s' "$RULES" | sed -n 's/ @ .*//p' | paste -sd '|')

# grep finds the few lines that name one at all, which is a hundred times as fast as asking gawk of each
verdict "$(
    LC_ALL=C grep -nE "(^|[^a-zA-Z0-9_>.])($WORDS)\\(" $(files '*.c' '*.h') /dev/null | LC_ALL=C gawk -v rules="$RULES" '
        BEGIN {
            n = split(rules, rule, "\n")
            for (i = 1; i <= n; i++) {
                if (split(rule[i], part, " @ ") != 3) continue
                words[i] = "(^|[^a-zA-Z0-9_>.])(" part[1] ")\\("
                allowed[i] = part[2]
                advice[i] = part[3]
            }
        }
        match($0, /^([^:]*):([0-9]+):(.*)$/, found) {
            code = gensub(/"([^"\\]|\\.)*"/, "\"\"", "g", found[3]) # strings and comments are not calls
            code = gensub(/\/\*.*\*\/|^ *\*.*|\/\*.*/, "", "g", code)
            for (i in words)
                if (code ~ words[i] && found[1] !~ allowed[i])
                    print found[1] ":" found[2] ": " gensub(/^ +/, "", 1, found[3]) "   <- " advice[i]
        }'
    grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $(files '*.c' '*.h' '*.sh' '*.sql' '*.py' '*.md' Makefile | grep -v '^tests/lint/') /dev/null |
        sed 's/$/   <- do it, or say in the issue tracker that it is missing/'
    # rooms whose reads name their columns; the others follow
    grep -nE 'kn_rows_(str|text|int|bool|null)\([^;]*, [0-9]+\)' $(files 'compute/*.c' | grep -v '^compute/rows/quota.c$') /dev/null |
        sed 's/$/   <- a column is read by its name: an enum beside the statement, kn_rows_col(), kn_rest_cell()/'
    grep -nE 'task->(input|context|object)\b' $(files 'conductor/*.c' | grep -vE '^conductor/(flows/context|store/(task|store|objects))\.c$') /dev/null |
        sed 's/$/   <- kn_wished(), kn_found(), kn_known(): by declared names (conductor\/flows\/context.h)/'
    grep -nE '^typedef (struct|enum)' $(files '*.c' '*.h') /dev/null | sed 's/$/   <- struct tags without typedef/'
)"
