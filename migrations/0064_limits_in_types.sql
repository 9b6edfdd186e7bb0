-- SPDX-License-Identifier: Apache-2.0
-- A constraint of a table is read, made ready and asked in every statement that writes a row, whatever it changes: a server's ten and a port's eight were a tenth of
-- what the database pays for a server. A type's constraint is asked where a value is made, so these rows' limits are their columns' types; name and words are as before.

CREATE DOMAIN limit_server_name AS text CONSTRAINT limit_server_name CHECK (char_length(VALUE) BETWEEN 1 AND 255);
CREATE DOMAIN limit_server_description AS text CONSTRAINT limit_server_description CHECK (char_length(VALUE) BETWEEN 0 AND 255);
CREATE DOMAIN limit_server_hostname AS text CONSTRAINT limit_server_hostname CHECK (char_length(VALUE) BETWEEN 1 AND 255);
CREATE DOMAIN limit_server_user_data AS text CONSTRAINT limit_server_user_data CHECK (char_length(VALUE) BETWEEN 0 AND 65535);
CREATE DOMAIN limit_server_key_name AS text CONSTRAINT limit_server_key_name CHECK (char_length(VALUE) BETWEEN 1 AND 255);
CREATE DOMAIN limit_server_zone AS text CONSTRAINT limit_server_zone CHECK (char_length(VALUE) BETWEEN 0 AND 247);
CREATE DOMAIN limit_server_pinned_zone AS text CONSTRAINT limit_server_pinned_zone CHECK (char_length(VALUE) BETWEEN 1 AND 255);
CREATE DOMAIN limit_server_locked_reason AS text CONSTRAINT limit_server_locked_reason CHECK (char_length(VALUE) BETWEEN 1 AND 255);
CREATE DOMAIN limit_server_tags AS text[] CONSTRAINT limit_server_tags CHECK (kn_texts_fit(VALUE, 50, 1, 60));
CREATE DOMAIN limit_server_metadata AS jsonb CONSTRAINT limit_server_metadata CHECK (kn_map_fits(VALUE, 2147483647, 255, 255));

ALTER TABLE server
    DROP CONSTRAINT limit_server_name, ALTER name TYPE limit_server_name,
    DROP CONSTRAINT limit_server_description, ALTER description TYPE limit_server_description,
    DROP CONSTRAINT limit_server_hostname, ALTER hostname TYPE limit_server_hostname,
    DROP CONSTRAINT limit_server_user_data, ALTER user_data TYPE limit_server_user_data,
    DROP CONSTRAINT limit_server_key_name, ALTER key_name TYPE limit_server_key_name,
    DROP CONSTRAINT limit_server_zone, ALTER zone TYPE limit_server_zone,
    DROP CONSTRAINT limit_server_pinned_zone, ALTER pinned_zone TYPE limit_server_pinned_zone,
    DROP CONSTRAINT limit_server_locked_reason, ALTER locked_reason TYPE limit_server_locked_reason,
    DROP CONSTRAINT limit_server_tags, ALTER tags TYPE limit_server_tags,
    DROP CONSTRAINT limit_server_metadata, ALTER metadata TYPE limit_server_metadata;

CREATE DOMAIN limit_port_name AS text CONSTRAINT limit_port_name CHECK (char_length(VALUE) BETWEEN 0 AND 255);
CREATE DOMAIN limit_port_description AS text CONSTRAINT limit_port_description CHECK (char_length(VALUE) BETWEEN 0 AND 255);
CREATE DOMAIN limit_port_tag AS text CONSTRAINT limit_port_tag CHECK (char_length(VALUE) BETWEEN 1 AND 60);
CREATE DOMAIN limit_port_dns_name AS text CONSTRAINT limit_port_dns_name CHECK (char_length(VALUE) BETWEEN 0 AND 253);
CREATE DOMAIN limit_port_tags AS text[] CONSTRAINT limit_port_tags CHECK (kn_texts_fit(VALUE, 50, 1, 255));

ALTER TABLE port
    DROP CONSTRAINT limit_port_name, ALTER name TYPE limit_port_name,
    DROP CONSTRAINT limit_port_description, ALTER description TYPE limit_port_description,
    DROP CONSTRAINT limit_port_tag, ALTER tag TYPE limit_port_tag,
    DROP CONSTRAINT limit_port_dns_name, ALTER dns_name TYPE limit_port_dns_name,
    DROP CONSTRAINT limit_port_tags, ALTER tags TYPE limit_port_tags;
