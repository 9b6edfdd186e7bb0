-- SPDX-License-Identifier: Apache-2.0
-- QoS policies have tags as other nouns have.
ALTER TABLE qos_policy
    ADD COLUMN tags text[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT limit_qos_policy_tags CHECK (kn_texts_fit(tags, 50, 1, 255));
