#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may include whom (ARCHITECTURE.md): layers point one way, roles within a room too, rooms meet at api.h, host.h and cli.h only,
# and foreign headers stay in their cages.
. "$(dirname "$0")/files.sh"

verdict "$(grep -nE '^[[:space:]]*#[[:space:]]*include' $(files '*.c' '*.h') /dev/null | gawk -F: '
    function say(what) { print $1 ":" $2 ": " what }
    function role(path) { return path ~ /^[a-z-]+\/[a-z]+\// ? gensub(/^[^\/]*\/([^\/]*)\/.*/, "\\1", 1, path) : "" }
    function top(path) { return path ~ /^lib\// ? gensub(/^(lib\/[a-z]+)\/.*/, "\\1", 1, path) : gensub(/\/.*/, "", 1, path) }
    BEGIN {
        # header (a prefix of what is in the <>) -> the files that may include it
        cage["libpq-fe.h"] = "^(lib/adapter/db|tests/support/)"
        cage["librdkafka/"] = "^(lib/adapter/bus|tests/)"
        cage["microhttpd.h"] = "^(lib/adapter/http|tests/)"
        cage["sodium"] = "^lib/adapter/crypto"
        cage["openssl/"] = "^lib/adapter/crypto"
        cage["libvirt/"] = "^(compute-agent/libvirt/|tests/)"
        cage["ext2fs/"] = "^compute-agent/core/unpack"
        cage["netlink/"] = "^network/host/"
        cage["nftables/"] = "^network/host/"
        cage["libnetfilter_conntrack/"] = "^network/host/firewall/conntrack"
        cage["curl/"] = "^(image/host/|image/data/fetch|cli/|volume/serve/(backup_s3|key_service)|tests/)"
        cage["libxml/"] = "^compute-agent/libvirt/domain_scan"
        cage["yaml.h"] = "^cli/clouds"
        cage["pcre2"] = "^lib/adapter/regex"
        cage["regex.h"] = "^identity/rows/password"
        cage["ini.h"] = "^$"
        # room:role -> the roles of that room that it may include, beside its own and what stands at the root (* = every room)
        roles["*:api"] = " rows data address auth "
        roles["*:serve"] = " rows data address "
        roles["*:host"] = " data address "
        roles["*:rows"] = " data address "
        roles["identity:rows"] = " auth "; roles["identity:auth"] = " rows "
        roles["conductor:engine"] = " flows store "; roles["conductor:flows"] = " store "
        roles["conductor:store"] = " flows engine "; roles["conductor:audit"] = " flows "
        roles["compute-agent:libvirt"] = " core metadata "; roles["compute-agent:sim"] = " core "
        # A token may always look at itself, and that is asked where tokens are checked.
        said["identity/auth/identity.c" "identity/api/handlers.h"]
        level["lib/base"] = 1; level["lib/domain"] = 2; level["lib/adapter"] = 3; level["lib/rest"] = 4
    }
    {
        file = $1; from = top(file); text = $0; sub(/^[^:]*:[^:]*:/, "", text)
    }
    text ~ /</ {
        header = gensub(/.*<([^>]*)>.*/, "\\1", 1, text)
        for (c in cage)
            if (index(header, c) == 1 && file !~ cage[c])
                say("<" header "> belongs to " cage[c] "*: ask that file for what you need through its header")
        if (from == "lib/base" && header ~ /^(jansson|libpq|librdkafka|curl|libvirt|microhttpd)/)
            say("lib/base sees no foreign header")
        next
    }
    file ~ /^tests\// { next }
    {
        header = gensub(/.*"([^"]*)".*/, "\\1", 1, text); to = top(header)
        if (header !~ /\//) { say("write the whole path: \"" from "/" header "\""); next }
        if (header ~ /[_\/]private\.h$/) {
            stem = gensub(/_?private\.h$/, "", 1, header)
            if (index(file, stem) != 1) say("\"" header "\" is private to " stem "*: use its public header")
        }
        if (to == "tests") { say("only tests include tests/"); next }
        if (to ~ /^lib\//) {
            if (from in level && level[to] > level[from])
                say(from " must not know " to ": move what you need down, or hand it in as a parameter")
            next
        }
        if (from == to) {
            mine = role(file); its = role(header)
            may = (from ":" mine) in roles ? roles[from ":" mine] : roles["*:" mine]
            if (mine != "" && its != "" && mine != its && index(may, " " its " ") == 0 && !((file header) in said))
                say(mine "/ of " from "/ must not know its " its "/ (ARCHITECTURE.md): move what both need down")
            next
        }
        if ((from == "api" || from == "compute") && header ~ /\/api\.h$/) next
        # Volumes are made of images and become images: the same two doors that servers use.
        if (from == "volume" && (header == "image/api.h" || header == "image/host.h")) next
        if (from == "compute-agent" && header ~ /\/host\.h$/) next
        if (from == "cli" && header ~ /\/cli\.h$/) next
        say(from " must not include \"" header "\": rooms meet at X/api.h (api/, compute/), X/host.h (compute-agent/), X/cli.h (cli/), or on the bus")
    }')"
