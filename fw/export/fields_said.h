/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fields_said - the part of the table in fields.h that is read from payload: TLS, QUIC, HTTP, DNS. Only fields.h includes it. */
#pragma once

/* Objects of ECS. */
#define FIELDS_SAID(OPEN, FIELD, CLOSE) \
	OPEN(tls) \
	FIELD(version, "keyword", "", "ServerHello not seen", "selected: 1.0 to 1.3, also of DTLS", \
	      r->tls.version, quoted(w, r->tls.version)) \
	FIELD(version_protocol, "keyword", "", "ServerHello not seen", "tls, dtls, ssl", \
	      r->tls.version && r->tls.protocol, quoted(w, r->tls.protocol)) \
	FIELD(cipher, "keyword", "", "ServerHello not seen", "selected: IANA name, else 0x and four digits", \
	      r->tls.cipher, quoted(w, r->tls.cipher)) \
	FIELD(curve, "keyword", "", "ServerHello not seen, or it has no key share", "group of the server's key share, IANA name", \
	      r->tls.group, quoted(w, r->tls.group)) \
	FIELD(resumed, "boolean", "", "ServerHello not seen", "the server takes up an earlier session", \
	      r->tls.server_hello, boolean(w, r->tls.resumed)) \
	FIELD(next_protocol, "keyword", "", "ServerHello not seen, none selected, or encrypted (TLS 1.3, QUIC)", \
	      "ALPN that the server selected", r->tls.next_protocol.len, \
	      text_json(w, r->tls.next_protocol.at, r->tls.next_protocol.len)) \
	OPEN(client) \
	FIELD(server_name, "keyword", "", "see weir.name_status", "SNI of the ClientHello; not UTF-8: U+FFFD", \
	      r->sni_len, text_json(w, r->sni, r->sni_len)) \
	FIELD(alpn, "keyword[]", "", "not offered, or hello not seen", "protocols offered; not UTF-8: U+FFFD", \
	      has_alpn(r), alpn(w, r, text_json)) \
	FIELD(ja4, "keyword", "", "hello not read to its end", "JA4 fingerprint of the ClientHello", \
	      r->tls.ja4[0], quoted(w, r->tls.ja4)) \
	CLOSE() CLOSE() \
	OPEN(http) OPEN(request) \
	FIELD(method, "keyword", "", "no HTTP/1 request was seen", "of the first request", r->http.method, quoted(w, r->http.method)) \
	CLOSE() OPEN(response) \
	FIELD(status_code, "long", "", "no answer was seen", "of the first final answer", r->http.status, u64(w, r->http.status)) \
	CLOSE() \
	FIELD(version, "keyword", "", "no HTTP/1 request was seen", "1.0 or 1.1", r->http.version, quoted(w, r->http.version)) \
	CLOSE() \
	OPEN(dns) OPEN(question) \
	FIELD(name, "keyword", "", "no question was seen", "last name that was asked for, lower case, RFC 1035 5.1 escapes", \
	      r->dns.question_len, text_json(w, r->dns.question, r->dns.question_len)) \
	FIELD(type, "keyword", "", "no question was seen", "of the last question: IANA name, else TYPE and number", \
	      r->dns.type, quoted(w, r->dns.type)) \
	CLOSE() \
	FIELD(response_code, "keyword", "", "no answer was seen, or multicast", "of the last answer: IANA name", \
	      r->dns.rcode, quoted(w, r->dns.rcode)) \
	CLOSE()

/* Under "weir". */
#define FIELDS_SAID_MORE(OPEN, FIELD, CLOSE) \
	OPEN(tls) \
	FIELD(version_offered, "keyword", "", "ClientHello not seen", "the newest that the client offers", \
	      r->tls.version_offered, quoted(w, r->tls.version_offered)) \
	FIELD(client_versions, "keyword[]", "", "no supported_versions", "as offered, GREASE included, 0x and four digits", \
	      r->tls.versions, numbers(w, r->tls.version_list, r->tls.versions)) \
	FIELD(client_groups, "keyword[]", "", "no key share", "groups of the client's key shares, 0x and four digits", \
	      r->tls.groups, numbers(w, r->tls.group_list, r->tls.groups)) \
	FIELD(ech, "boolean", "", "ClientHello not seen", "it has ECH, or GREASE of it: they look the same", \
	      r->tls.client_hello, boolean(w, r->tls.ech)) \
	FIELD(resumption_offered, "boolean", "", "ClientHello not seen", "the client offers an earlier session", \
	      r->tls.client_hello, boolean(w, r->tls.resumption_offered)) \
	FIELD(early_data, "boolean", "", "ClientHello not seen", "0-RTT data follows the hello", \
	      r->tls.client_hello, boolean(w, r->tls.early_data)) \
	FIELD(hello_retry, "boolean", "", "no hello seen", "the server asked for another hello (DTLS: for a cookie)", \
	      r->tls.client_hello || r->tls.server_hello, boolean(w, r->tls.hello_retry)) \
	FIELD(server_hello_us, "long", "us", "one of the hellos not seen", "from the end of the first ClientHello to the ServerHello, at this " \
	      "port: far side and server; also of QUIC and DTLS", r->tls.has_hello_time, u64(w, r->tls.server_hello_us)) \
	FIELD(inner_protocol, "keyword", "", "TLS from the first byte on", "what was spoken in clear in front of TLS: smtp, ...", \
	      r->tls.inner, quoted(w, r->tls.inner)) \
	FIELD(dns_carrier, "keyword", "", "not known to carry DNS", "dot, doh (a guess by name) or doq", \
	      r->tls.dns_carrier, quoted(w, r->tls.dns_carrier)) \
	CLOSE() \
	OPEN(quic) \
	FIELD(version, "keyword", "", "not QUIC", "1, 2, draft-29, or 0x and eight digits", \
	      r->tls.quic_version, quoted(w, r->tls.quic_version)) \
	FIELDS_QUIC(OPEN, FIELD, CLOSE) \
	CLOSE() \
	OPEN(http) \
	FIELD(first_byte, "long", "us", "request or answer not seen", "from the end of the request to the answer's first byte", \
	      r->http.has_first_byte, u64(w, r->http.first_byte_us)) \
	CLOSE() \
	OPEN(dns) \
	FIELD(queries, "long", "", "not DNS", "in this flow so far, repeats left out", r->dns.seen, u64(w, r->dns.queries)) \
	FIELD(repeats, "long", "", "not DNS", "queries sent again", r->dns.seen, u64(w, r->dns.repeats)) \
	FIELD(answers, "long", "", "not DNS", "to queries that were seen; mDNS: all", r->dns.seen, u64(w, r->dns.answers)) \
	OPEN(response_time) \
	FIELD(min, "long", "us", "no answer matched", "from a query's first copy to its answer", \
	      r->dns.has_time, u64(w, r->dns.min_us)) \
	FIELD(mean, "long", "us", "no answer matched", "the same", r->dns.has_time, u64(w, r->dns.mean_us)) \
	FIELD(max, "long", "us", "no answer matched", "the same", r->dns.has_time, u64(w, r->dns.max_us)) \
	CLOSE() CLOSE()
