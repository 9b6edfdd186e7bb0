/* SPDX-License-Identifier: Apache-2.0 */
/* xml: the two ways in which a text from outside stands in what libvirt is told. */
#ifndef KN_COMPUTE_AGENT_LIBVIRT_XML_H
#define KN_COMPUTE_AGENT_LIBVIRT_XML_H

#include "lib/base/strbuf.h"

/* <tag>text</tag> */
static inline void kn_agent_xml_element(struct kn_strbuf *out, const char *indent, const char *tag, const char *text)
{
    kn_strbuf_addf(out, "%s<%s>", indent, tag);
    kn_strbuf_addxml(out, text);
    kn_strbuf_addf(out, "</%s>\n", tag);
}

/*  name='value' */
static inline void kn_agent_xml_attribute(struct kn_strbuf *out, const char *name, const char *value)
{
    kn_strbuf_addf(out, " %s='", name);
    kn_strbuf_addxml(out, value);
    kn_strbuf_addch(out, '\'');
}

#endif
