-- Shelved servers: the image that a server is made from when it comes back.

ALTER TABLE server ADD COLUMN shelved_image uuid; -- of its own, deleted with it; NULL: it never was shelved, or came back
