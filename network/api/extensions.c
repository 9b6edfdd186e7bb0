/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extensions.c: what this Neutron can do beyond the core. Clients believe the list: an alias stands here only when everything that it promises works.
 */
#include "lib/base/jsonw.h"
#include "network/api/nouns.h"

static const struct {
    const char *alias, *name, *description;
} EXTENSIONS[] = {
    { "aap-reject-multicast", "Allowed address pairs reject multicast extension",
      "Reject multicast addresses in Allowed Address Pairs" },
    { "address-group", "Address group", "Support address group" },
    { "agent", "agent", "The agent management extension." },
    { "allowed-address-pairs", "Allowed Address Pairs", "Provides allowed address pairs" },
    { "address-scope", "Address scope", "Address scopes extension." },
    { "auto-allocated-topology", "Auto Allocated Topology Services", "Auto Allocated Topology Services." },
    { "availability_zone", "Availability Zone", "Availability zone support." },
    { "availability_zone_filter", "Availability Zone Filter Extension",
      "Add filter parameters to AvailabilityZone resource" },
    { "binding", "Port Binding", "Expose port bindings of a virtual port to external application" },
    { "default-subnetpools", "Default Subnetpools", "Provides ability to mark and use a subnetpool as the default." },
    { "dns-integration", "DNS Integration", "Provides integration with DNS." },
    { "empty-string-filtering", "Empty String Filtering Extension",
      "Allow filtering by attributes with empty string value" },
    { "expose-port-forwarding-in-fip", "Expose Port Forwarding Resource in Floating IP",
      "Expose the port forwarding resources of a floating IP in its details" },
    { "ext-gw-mode", "Neutron L3 Configurable external gateway mode",
      "Extension of the router abstraction for specifying whether SNAT should occur on the external gateway" },
    { "external-net", "Neutron external network", "Adds external network attribute to network resource." },
    { "extra_dhcp_opt", "Neutron Extra DHCP options",
      "Extra options configuration for DHCP. For example PXE boot options to DHCP clients can be specified (e.g. "
      "tftp-server, server-ip-address, bootfile-name)" },
    { "extraroute", "Neutron Extra Route", "Extra routes configuration for L3 router" },
    { "extraroute-atomic", "Atomically add/remove extra routes", "Edit extra routes of a router on server side." },
    { "filter-validation", "Filter parameters validation", "Provides validation on filter parameters." },
    { "fip-port-details", "Floating IP Port Details Extension", "Add port_details attribute to Floating IP resource" },
    { "floating-ip-port-forwarding", "Floating IP Port Forwarding",
      "Allow port forwarding from floating IP port to an internal port" },
    { "floating-ip-port-forwarding-description", "Floating IP Port Forwarding new description field",
      "Add a description field to Port Forwarding rules" },
    { "floating-ip-port-forwarding-detail", "Floating IP port forwarding detail",
      "Lists of floating IPs say the id and the internal port's of each port forwarding" },
    { "floating-ip-port-forwarding-port-ranges", "Floating IP Port Forwarding support port ranges",
      "Add support to port ranges" },
    { "ip-substring-filtering", "IP address substring filtering",
      "Provides IP address substring filtering when listing ports" },
    { "l2_adjacency", "L2 Adjacency", "Display L2 Adjacency for Neutron Networks." },
    { "net-mtu", "Network MTU", "Provides MTU attribute for a network resource." },
    { "net-mtu-writable", "Network MTU (writable)", "Provides a writable MTU attribute for a network resource." },
    { "network-ip-availability", "Network IP Availability",
      "Provides IP availability data for each network and subnet." },
    { "network_availability_zone", "Network Availability Zone", "Availability zone support for network." },
    { "pagination", "Pagination support", "Extension that indicates that pagination is enabled." },
    { "port-security", "Port Security", "Provides port security" },
    { "port-security-groups-filtering", "Port filtering on security groups",
      "Provides security groups filtering when listing ports" },
    { "project-id", "project_id field enabled", "Extension that indicates that project_id field is enabled." },
    { "provider", "Provider Network", "Expose mapping of virtual networks to physical networks" },
    { "qos", "Quality of Service", "The Quality of Service extension." },
    { "qos-bw-limit-direction", "Direction for QoS bandwidth limit rule",
      "Allow to configure QoS bandwidth limit rule with specific direction: ingress or egress" },
    { "qos-default", "QoS default policy", "Expose the QoS default policy per project" },
    { "qos-port-network-policy", "QoS network policy of a port", "Shows the policy that a port has from its network" },
    { "qos-rule-type-details", "Details of QoS rule types",
      "Expose details about QoS rule types supported by loaded backend drivers" },
    { "quota-check-limit", "Quota engine limit check",
      "Support for checking the resource usage before applying a new quota limit" },
    { "quota_details", "Quota details management support", "Expose functions for quotas usage statistics per project" },
    { "quotas", "Quota management support", "Expose functions for quotas management per project" },
    { "rbac-address-group", "Add address_group type to RBAC", "Add address_group type to network RBAC" },
    { "rbac-address-scope", "Add address_scope type to RBAC", "Add address_scope type to RBAC" },
    { "rbac-policies", "RBAC Policies",
      "Allows creation and modification of policies that control project access to resources." },
    { "rbac-security-groups", "Add security_group type to network RBAC", "Add security_group type to network RBAC" },
    { "rbac-subnetpool", "Add subnetpool type to RBAC", "Add subnetpool type to RBAC" },
    { "revision-if-match", "If-Match constraints based on revision_number",
      "Extension indicating that If-Match based on revision_number is supported." },
    { "security-group", "security-group", "The security groups extension." },
    { "security-groups-default-rules", "Default rules for security groups",
      "Configure set of security group rules used as default rules for every new security group" },
    { "security-groups-normalized-cidr", "Normalized CIDR field for security group rules",
      "Add new field with normalized remote_ip_prefix cidr in SG rule" },
    { "security-groups-remote-address-group", "Remote address group id field for security group rules",
      "Add new field of remote address group id in SG rules" },
    { "security-groups-shared-filtering", "Security group filtering on the shared field",
      "Support filtering security groups on the shared field" },
    { "security-groups-rules-belongs-to-default-sg",
      "Security group rule belongs to the project's default security group",
      "Flag to determine if the security group rule belongs to the project's default security group" },
    { "router", "Neutron L3 Router",
      "Router abstraction for basic L3 forwarding between L2 Neutron networks and access to external networks via a NAT "
      "gateway." },
    { "router_availability_zone", "Router Availability Zone", "Availability zone support for router." },
    { "service-type", "Neutron Service Type Management",
      "API for retrieving service providers for Neutron advanced services" },
    { "sort-key-validation", "Sort keys validation", "Provides validation on sort keys." },
    { "sorting", "Sorting support", "Extension that indicates that sorting is enabled." },
    { "standard-attr-description", "standard-attr-description",
      "Extension to add descriptions to standard attributes" },
    { "standard-attr-revisions", "Resource revision numbers",
      "This extension will display the revision number of neutron resources." },
    { "standard-attr-tag", "Tag support for resources with standard attribute",
      "Enables to set tag on resources with standard attribute." },
    { "standard-attr-timestamp", "Resource timestamps",
      "Adds created_at and updated_at fields to all Neutron resources that have Neutron standard attributes." },
    { "subnet-service-types", "Subnet service types", "Provides ability to set the subnet service_types field" },
    { "subnet_allocation", "Subnet Allocation", "Enables allocation of subnets from a subnet pool" },
    { "subnet_onboard", "Subnet Onboard", "Provides support for onboarding subnets" },
    { "subnetpool-prefix-ops", "Subnet Pool Prefix Operations",
      "Provides support for adjusting the prefix list of subnet pools" },
    { "tag-creation", "Tag creation extension", "Allow to create multiple tags for a resource" },
    { "tag-ports-during-bulk-creation", "Tag Ports During Bulk Creation", "Allow to tag ports during bulk creation" },
    { "stateful-security-group", "Stateful security group", "Indicates if the security group is stateful or not" },
};

static void extensions_write_extension(struct kn_strbuf *sb, const char *key, size_t i)
{
    kn_jsonw_object(sb, key);
    kn_jsonw_str(sb, "alias", EXTENSIONS[i].alias);
    kn_jsonw_str(sb, "name", EXTENSIONS[i].name);
    kn_jsonw_str(sb, "description", EXTENSIONS[i].description);
    kn_jsonw_str(sb, "updated", "2026-01-01T00:00:00-00:00");
    kn_jsonw_array(sb, "links");
    kn_jsonw_end_array(sb);
    kn_jsonw_end_object(sb);
}

int kn_network_neutron_extensions_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)err;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "extensions");
    for (size_t i = 0; i < sizeof(EXTENSIONS) / sizeof(EXTENSIONS[0]); i++) {
        extensions_write_extension(&res->body, NULL, i);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_network_neutron_extensions_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    for (size_t i = 0; i < sizeof(EXTENSIONS) / sizeof(EXTENSIONS[0]); i++) {
        if (strcmp(EXTENSIONS[i].alias, req->params[0]) == 0) {
            kn_jsonw_object(&res->body, NULL);
            extensions_write_extension(&res->body, "extension", i);
            kn_jsonw_end_object(&res->body);
            return 0;
        }
    }
    kn_fail(err, KN_NOT_FOUND, "Extension with alias %.64s does not exist", req->params[0]);
    return kn_fail_name(err, "HTTPNotFound");
}
