#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every message type of the registry is handled in the room that reads its topic and sent by somebody; nobody names one that is not there.
. "$(dirname "$0")/files.sh"

types() {
    gawk '/^    \{ "[a-z_]+\.[a-z_]+", [0-9]+, KN_TOPIC_/ {
        name = gensub(/.*\{ "([^"]+)".*/, "\\1", 1); topic = gensub(/.*KN_TOPIC_([A-Z]+).*/, "\\1", 1); print name, topic }' \
        lib/domain/message_types.c
}

readers() {
    case $1 in
    TASK) echo conductor ;;
    PLACE) echo scheduler ;;
    NETWORK) echo network ;;
    VOLUME) echo volume ;;
    IMAGE) echo image ;;
    AGENT) echo compute-agent network volume image ;;
    REPORT) echo conductor scheduler network volume ;;
    *) echo "no-reader-of-$1" ;;
    esac
}

verdict "$(
    all=$(files '*.c' | grep -v -e '^tests/' -e '^lib/domain/message_types.c')
    types | while read -r name topic; do
        [ "$(types | grep -c " $topic\$")" -gt 1 ] || continue # whoever reads this topic need not ask what it is
        handled=$(for room in $(readers "$topic"); do grep -rl --include="*.c" "\"$name\"" $room; done)
        [ -n "$handled" ] || echo "lib/domain/message_types.c: \"$name\" is handled nowhere in: $(readers "$topic")"
        [ "$(grep -l "\"$name\"" $all | wc -l)" -ge 2 ] || echo "lib/domain/message_types.c: \"$name\" is named by only one file: nobody sends it, or nobody reads it"
    done
    known=" $(types | cut -d' ' -f1 | tr '\n' ' ')"
    grep -noE 'kn_message_init\([^"()]*, "[^"]+"' $all | while IFS=: read -r f line text; do
        name=$(echo "$text" | sed 's/.*"\(.*\)"/\1/')
        case $known in *" $name "*) ;; *) echo "$f:$line: message \"$name\" is not in lib/domain/message_types.c" ;; esac
    done
)"
