# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # sourced after common.sh
#
# client.sh: the OpenStack API by curl and jq, for the lab's own first steps; people use `openstack`.
# $api is the front door, $token whoever is logged in.
token=

# call METHOD PATH [CURL ARGUMENT…]: prints the answer's body; a status of 400 and above is an error.
call() {
    local method=$1 path=$2 answer status
    shift 2
    answer=$(curl -sS -X "$method" -H "X-Auth-Token: $token" -w '\n%{http_code}' "$@" "$api$path") || return 1
    status=${answer##*$'\n'}
    answer=${answer%$'\n'*}
    if [ "$status" -ge 400 ]; then
        echo "$method $path answered $status: $answer" >&2
        return 1
    fi
    printf '%s\n' "$answer"
}

# post PATH FILTER [JQ ARGUMENT…]: posts the JSON that jq makes of FILTER.
post() {
    local path=$1 filter=$2
    shift 2
    jq -n "$@" "$filter" | call POST "$path" -H 'Content-Type: application/json' --data-binary @-
}

# login USER PASSWORD PROJECT: sets $token.
login() {
    token=$(jq -n --arg user "$1" --arg password "$2" --arg project "$3" '{auth: {
            identity: {methods: ["password"],
                       password: {user: {name: $user, domain: {id: "default"}, password: $password}}},
            scope: {project: {name: $project, domain: {id: "default"}}}}}' |
        curl -sS -D - -o "$lab/login.json" -H 'Content-Type: application/json' --data-binary @- \
            "$api/identity/v3/auth/tokens" | tr -d '\r' | sed -n 's/^[Xx]-[Ss]ubject-[Tt]oken: //p')
    if [ -z "$token" ]; then
        echo "login of $1 failed: $(cat "$lab/login.json")" >&2
        return 1
    fi
    rm -f "$lab/login.json"
}

# A cloud of clouds.yaml
cloud_yaml() {
    local name=$1 user=$2 password=$3 project=$4
    cat <<-END
	  $name:
	    auth:
	      auth_url: $api/identity/v3
	      username: $user
	      password: $password
	      project_name: $project
	      user_domain_id: default
	      project_domain_id: default
	    region_name: RegionOne
	    identity_api_version: 3
	END
}

# plain_environment USER PASSWORD PROJECT: for clients that read no clouds.yaml. In a file of its own: what stands in the environment wins over OS_CLOUD.
plain_environment() {
    local user=$1 password=$2 project=$3

    cat <<-END
	# . openrc-plain: the tenant of this lab, for clients that read no clouds.yaml
	unset OS_CLOUD OS_CLIENT_CONFIG_FILE
	export OS_AUTH_URL=$api/identity/v3
	export OS_USERNAME=$user
	export OS_PASSWORD='$password'
	export OS_PROJECT_NAME=$project
	export OS_USER_DOMAIN_ID=default
	export OS_PROJECT_DOMAIN_ID=default
	export OS_REGION_NAME=RegionOne
	export OS_IDENTITY_API_VERSION=3
	END
}

# write_credentials ADMIN_PASSWORD DEMO_PASSWORD: clouds.yaml, openrc and openrc-plain, for root's eyes only.
write_credentials() {
    (
        umask 077
        {
            echo 'clouds:'
            cloud_yaml kilonova admin "$1" admin
            cloud_yaml kilonova-demo demo "$2" demo
        } >"$lab/clouds.yaml"
        cat >"$lab/openrc" <<-END
		# . openrc: then \`openstack server list\` asks this lab, as the tenant; OS_CLOUD=kilonova is the administrator.
		export OS_CLIENT_CONFIG_FILE=$lab/clouds.yaml
		export OS_CLOUD=kilonova-demo
		END
        plain_environment demo "$2" demo >"$lab/openrc-plain"
    )
}
