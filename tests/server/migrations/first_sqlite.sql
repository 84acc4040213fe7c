BEGIN TRANSACTION;
CREATE TABLE blocked_faces (
	id VARCHAR(16) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	note VARCHAR(200) NOT NULL, 
	added DOUBLE NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "blocked_faces" VALUES('0818ba1a','9249249249249249249249249249249249249249249249249249249249249249','request 17',1.79611469121586537359e+09);
CREATE TABLE consents (
	job VARCHAR(64) NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	face VARCHAR(80) NOT NULL, 
	given DOUBLE NOT NULL, 
	PRIMARY KEY (job)
);
INSERT INTO "consents" VALUES('succeeded','0c549d8d','portrait:eileen-collins',1.7961146911862461567e+09);
INSERT INTO "consents" VALUES('told','0c549d8d','portrait:eileen-collins',1.79611469119734025001e+09);
INSERT INTO "consents" VALUES('kept','','portrait:eileen-collins',1.79611469120097327228e+09);
INSERT INTO "consents" VALUES('template','d6e76f4d','portrait:eileen-collins',1.79611469120319843287e+09);
INSERT INTO "consents" VALUES('failed','0c549d8d','portrait:eileen-collins',1.79611469120520353317e+09);
INSERT INTO "consents" VALUES('rejected','0c549d8d','portrait:eileen-collins',1.79611469120755577084e+09);
INSERT INTO "consents" VALUES('cancelled','0c549d8d','portrait:eileen-collins',1.7961146912095608711e+09);
INSERT INTO "consents" VALUES('running','0c549d8d','portrait:eileen-collins',1.79611469121203064921e+09);
INSERT INTO "consents" VALUES('queued','0c549d8d','portrait:eileen-collins',1.79611469121480679515e+09);
INSERT INTO "consents" VALUES('nobody','','portrait:eileen-collins',1.79611469121537971503e+09);
CREATE TABLE jobs (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR(64) NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	place VARCHAR(64) NOT NULL, 
	"order" JSON NOT NULL, 
	created DOUBLE NOT NULL, 
	started DOUBLE, 
	ended DOUBLE, 
	frames_total INTEGER NOT NULL, 
	frames_done INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	lease VARCHAR(64), 
	lease_until DOUBLE, 
	idempotency_key VARCHAR(255), 
	idempotency_digest VARCHAR(128), 
	webhook TEXT, 
	webhook_due DOUBLE, 
	webhook_tries INTEGER NOT NULL, 
	metadata TEXT, 
	outcome JSON, 
	failure JSON, 
	UNIQUE (owner, idempotency_key), 
	UNIQUE (id)
);
INSERT INTO "jobs" VALUES(1,'succeeded','0c549d8d','succeeded','place-succeeded','{"place": "place-succeeded", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}',1.79611469118471550948e+09,1.79611469118688702579e+09,1.79611469119319248194e+09,3,3,1,3,NULL,NULL,'key-1','digest','https://example.org/hook',0.0,0,'{"mine": 1}','{"stored": {"token": "ttttttttttttttttttttttttttttttttttttttttttt.mp4", "bytes": 1234, "sha256": "5ha", "expires": 1796201091.1847155}, "width": 256, "height": 256, "frames": 3, "fps": 25.0, "faces": [{"box": [0.0, 1.0, 2.0, 3.0], "score": 0.5}], "seconds": {"find": 1.0}, "sound": true}',NULL);
INSERT INTO "jobs" VALUES(2,'told','0c549d8d','succeeded','place-told','{"place": "place-told", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}',1.79611469118471550948e+09,1.79611469119778203963e+09,1.79611469119894886017e+09,3,3,1,3,NULL,NULL,NULL,NULL,'https://example.org/hook',NULL,1,NULL,'{"stored": {"token": "ttttttttttttttttttttttttttttttttttttttttttt.mp4", "bytes": 1234, "sha256": "5ha", "expires": 1796201091.1847155}, "width": 256, "height": 256, "frames": 3, "fps": 25.0, "faces": [{"box": [0.0, 1.0, 2.0, 3.0], "score": 0.5}], "seconds": {"find": 1.0}, "sound": true}',NULL);
INSERT INTO "jobs" VALUES(3,'kept','','succeeded','place-kept','{"place": "place-kept", "portrait": null, "template": null, "card": null, "format": "gif", "size": 512, "mode": "relative", "strength": 1.0, "paste": "full", "face": "largest", "audio": true, "mirror": false, "label": "de", "keep": true}',1.79611469118471550948e+09,1.79611469120136356351e+09,1.79611469120238900179e+09,3,3,1,3,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,'{"stored": {"token": "ttttttttttttttttttttttttttttttttttttttttttt.mp4", "bytes": 1234, "sha256": "5ha", "expires": 1796201091.1847155}, "width": 256, "height": 256, "frames": 3, "fps": 25.0, "faces": [{"box": [0.0, 1.0, 2.0, 3.0], "score": 0.5}], "seconds": {"find": 1.0}, "sound": true}',NULL);
INSERT INTO "jobs" VALUES(4,'template','d6e76f4d','succeeded','place-template','{"place": "place-template", "portrait": null, "template": "new", "card": {"title": "New", "tags": ["a"]}, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.0, "paste": "full", "face": "largest", "audio": true, "mirror": false, "label": null, "keep": false}',1.79611469118471550948e+09,1.7961146912036156654e+09,1796114691.20449,50,50,1,3,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,'{"stored": null, "width": 0, "height": 0, "frames": 50, "fps": 25.0, "faces": [], "seconds": {"add": 2.0}, "sound": false}',NULL);
INSERT INTO "jobs" VALUES(5,'failed','0c549d8d','failed','place-failed','{"place": "place-failed", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}',1.79611469118471550948e+09,1.79611469120559477802e+09,1.7961146912064347267e+09,3,0,1,3,NULL,NULL,NULL,NULL,'https://example.org/hook',0.0,0,NULL,NULL,'{"code": "no_face_found", "detail": "No face was found."}');
INSERT INTO "jobs" VALUES(6,'rejected','0c549d8d','rejected','place-rejected','{"place": "place-rejected", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}',1.79611469118471550948e+09,1.79611469120792913438e+09,1.79611469120873904229e+09,3,0,1,3,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'{"code": "face_blocked", "detail": "Someone asked not to be used."}');
INSERT INTO "jobs" VALUES(7,'cancelled','0c549d8d','cancelled','place-cancelled','{"place": "place-cancelled", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}',1.79611469118471550948e+09,NULL,1.79611469121102619171e+09,3,0,0,2,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(8,'running','0c549d8d','running','place-running','{"place": "place-running", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}',1.79611469118471550948e+09,1.79611469121246147156e+09,NULL,3,1,1,3,'wye2bfMe8WCrnz6oypEqax2FR2QFUeqm0Z5blVMWVdE',1.79611475121338081363e+09,NULL,NULL,'https://example.org/hook',0.0,0,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(9,'queued','0c549d8d','queued','place-queued','{"place": "place-queued", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}',1.79611469118471550948e+09,NULL,NULL,3,0,0,1,NULL,NULL,'key-2','digest','https://example.org/hook',0.0,0,'queued''s own',NULL,NULL);
INSERT INTO "jobs" VALUES(10,'nobody','','queued','place-nobody','{"place": "place-nobody", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}',1.79611469118471550948e+09,NULL,NULL,3,0,0,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL);
CREATE TABLE keys (
	id VARCHAR(16) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	secret VARCHAR(64) NOT NULL, 
	created DOUBLE NOT NULL, 
	revoked DOUBLE, 
	PRIMARY KEY (id), 
	UNIQUE (digest)
);
INSERT INTO "keys" VALUES('0c549d8d','first','e5eeefdf5b8b801f9d8c2f045055f71c3d712f273254bc7039c4dbaaea5ba234','whsec_dsBJRncMrxHu3PAE4NDATSI5_RNvm7Ys',1.79611469118132972711e+09,NULL);
INSERT INTO "keys" VALUES('32590a6b','revoked','c514f5657ea3e7e9befea603ac68c64d97f826c12401905197d3745df697dfc5','whsec_n4Ki7sY76_6Zm2PUYxoQ38M-84sNP0EV',1.79611469118237423894e+09,1.79611469118393063545e+09);
INSERT INTO "keys" VALUES('d6e76f4d','operator','ec5e0d1b629818cebf913b467b51fdd89a55db0b828888a9ffd544df9a61d4f7','whsec_d8u_3UJvd0JNfTs0b9x9ZW9Tni86CGvk',1.79611469118287849422e+09,NULL);
CREATE TABLE operators (
	"key" VARCHAR(16) NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "operators" VALUES('d6e76f4d');
CREATE TABLE schema_version (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE secrets (
	name VARCHAR(32) NOT NULL, 
	value VARCHAR(64) NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "secrets" VALUES('results','1HU2jaAYSHef6H7Rw4QyvKGFuDT2u5YAH0Q9vamQZRg');
CREATE INDEX jobs_by_status ON jobs (status, owner);
CREATE INDEX jobs_by_start ON jobs (started);
CREATE INDEX consents_by_face ON consents (face);
CREATE INDEX consents_by_time ON consents (given);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('jobs',10);
COMMIT;
