-- A database as the first schema kept it, in the middle of a run: a team of ten, five tasks, a vote, mail,
-- approvals, a checkpoint, calls answered once, and the 83 events that led there. Never to be changed.
BEGIN TRANSACTION;
CREATE TABLE agent (
    name          TEXT PRIMARY KEY,
    pool          TEXT NOT NULL,
    role          TEXT NOT NULL,
    state         TEXT NOT NULL,
    tags          TEXT NOT NULL,
    groups        TEXT NOT NULL,
    incarnation   INTEGER NOT NULL,
    pid           INTEGER,
    task          TEXT,
    restarts      INTEGER NOT NULL,
    since         REAL NOT NULL,
    next_start_at REAL,
    last_exit     TEXT,
    reason        TEXT NOT NULL,
    assurance     TEXT NOT NULL
) STRICT;
INSERT INTO "agent" VALUES('planner','planner','planner','idle','[]','[]',1,1001,NULL,0,1700000000.0,NULL,NULL,'','L0');
INSERT INTO "agent" VALUES('worker-1','worker','worker','idle','[]','["builders"]',2,1002,NULL,0,1700000026.0,NULL,'{"kind":"signal","code":null,"signal":9,"detail":""}','','L0');
INSERT INTO "agent" VALUES('worker-2','worker','worker','waiting_human','[]','["builders"]',1,1001,NULL,0,1700000012.0,NULL,NULL,'','L0');
INSERT INTO "agent" VALUES('judge','judge','judge','idle','[]','[]',1,1001,NULL,0,1700000000.0,NULL,NULL,'','L0');
INSERT INTO "agent" VALUES('voter-1','voter','judge','idle','[]','["council"]',1,1001,NULL,0,1700000000.0,NULL,NULL,'','L0');
INSERT INTO "agent" VALUES('voter-2','voter','judge','idle','[]','["council"]',1,1001,NULL,0,1700000000.0,NULL,NULL,'','L0');
INSERT INTO "agent" VALUES('voter-3','voter','judge','idle','[]','["council"]',1,1001,NULL,0,1700000000.0,NULL,NULL,'','L0');
INSERT INTO "agent" VALUES('watcher','watcher','monitor','idle','[]','[]',1,1001,NULL,0,1700000000.0,NULL,NULL,'','L0');
INSERT INTO "agent" VALUES('solo','solo','solo','working','[]','[]',1,1001,'T1',0,1700000027.0,NULL,NULL,'','L0');
INSERT INTO "agent" VALUES('chief','chief','orchestrator','idle','[]','[]',1,1001,NULL,0,1700000000.0,NULL,NULL,'','L0');
CREATE TABLE answered_call (
    run    INTEGER NOT NULL,
    agent  TEXT NOT NULL,
    key    TEXT NOT NULL,
    tool   TEXT NOT NULL,
    answer TEXT NOT NULL,
    at     REAL NOT NULL,
    PRIMARY KEY (run, agent, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "answered_call" VALUES(1,'worker-1','k1','message_send','{"message": {"id": "M3", "run": 1, "sender": "worker-1", "to": "group:council", "body": "hello \u00e9 \ud83d\ude00", "kind": "info", "urgent": false, "thread": "", "at": 1700000022.0, "expires_at": 1700086422.0}, "recipients": ["voter-1", "voter-2", "voter-3"], "footer": {"unread": 0, "lease_until": 1700000917.0, "stop_requested": false}}',1700000022.0);
INSERT INTO "answered_call" VALUES(1,'worker-1','k2','task_complete','{"task": {"id": "T2", "run": 1, "title": "second", "description": "", "state": "done", "blocked_by": [], "priority": 2, "tags": [], "criteria": [], "depends_on": [], "parent": null, "review": false, "assignee": null, "required_role": null, "creator": "planner", "holder": null, "author": "worker-1", "reviewer": null, "token": 1, "lease_until": null, "percent": 100, "action": "", "result": "it works", "feedback": "", "review_round": 0, "failures": 0, "releases": 0, "created_at": 1700000002.0, "updated_at": 1700000025.0, "started_at": 1700000005.0, "finished_at": 1700000025.0}, "footer": {"unread": 0, "lease_until": null, "stop_requested": false}}',1700000025.0);
CREATE TABLE approval (
    n           INTEGER PRIMARY KEY,
    id          TEXT GENERATED ALWAYS AS ('A' || n) VIRTUAL,
    run         INTEGER NOT NULL REFERENCES run (id),
    agent       TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    tier        INTEGER NOT NULL,
    title       TEXT NOT NULL,
    payload     TEXT NOT NULL,
    digest      TEXT NOT NULL,
    reason      TEXT NOT NULL,
    task        TEXT,
    state       TEXT NOT NULL,
    created_at  REAL NOT NULL,
    expires_at  REAL NOT NULL,
    answered_by TEXT,
    answered_at REAL,
    answer      TEXT NOT NULL
) STRICT;
INSERT INTO "approval" VALUES(1,1,'worker-1',1,'write_file',1,'write b','{"lines":[1,2],"path":"b"}','303dc2dd67f4a04661c1cdb6980423198d294e5e49f1f64e356703de3633210f','',NULL,'withdrawn',1700000011.0,1700000911.0,'human',1700000011.0,'');
INSERT INTO "approval" VALUES(2,1,'worker-2',1,'push',3,'push','{"to":"main"}','12d34ad16c9da7554750b669dfb5b55a0604af4c2d9a1efb24f23b88fc8ed063','',NULL,'pending',1700000012.0,1700000912.0,NULL,NULL,'');
CREATE TABLE ballot (
    vote      TEXT NOT NULL,
    voter     TEXT NOT NULL,
    choice    TEXT NOT NULL,
    rationale TEXT NOT NULL,
    at        REAL NOT NULL,
    PRIMARY KEY (vote, voter)
) STRICT, WITHOUT ROWID;
INSERT INTO "ballot" VALUES('V1','voter-1','yes','r',1700000013.0);
INSERT INTO "ballot" VALUES('V1','voter-2','yes','r',1700000014.0);
INSERT INTO "ballot" VALUES('V1','voter-3','yes','r',1700000015.0);
CREATE TABLE checkpoint (
    task      TEXT PRIMARY KEY,
    author    TEXT NOT NULL,
    token     INTEGER NOT NULL,
    percent   INTEGER NOT NULL,
    completed TEXT NOT NULL,
    remaining TEXT NOT NULL,
    state     TEXT NOT NULL,
    at        REAL NOT NULL
) STRICT;
INSERT INTO "checkpoint" VALUES('T2','worker-1',1,50,'["a"]','["b"]','{}',1700000018.0);
CREATE TABLE delivery (
    message      TEXT NOT NULL,
    recipient    TEXT NOT NULL,
    state        TEXT NOT NULL,
    delivered_at REAL,
    acked_at     REAL,
    n            INTEGER GENERATED ALWAYS AS (CAST(substr(message, 2) AS INTEGER)) VIRTUAL,
    PRIMARY KEY (message, recipient)
) STRICT, WITHOUT ROWID;
INSERT INTO "delivery" VALUES('M1','worker-1','acked',1700000020.0,1700000021.0);
INSERT INTO "delivery" VALUES('M2','planner','queued',NULL,NULL);
INSERT INTO "delivery" VALUES('M2','voter-1','queued',NULL,NULL);
INSERT INTO "delivery" VALUES('M2','voter-2','queued',NULL,NULL);
INSERT INTO "delivery" VALUES('M2','voter-3','queued',NULL,NULL);
INSERT INTO "delivery" VALUES('M3','voter-1','queued',NULL,NULL);
INSERT INTO "delivery" VALUES('M3','voter-2','queued',NULL,NULL);
INSERT INTO "delivery" VALUES('M3','voter-3','queued',NULL,NULL);
CREATE TABLE dependency (
    task INTEGER NOT NULL REFERENCES task (n),
    dep  INTEGER NOT NULL REFERENCES task (n),
    PRIMARY KEY (task, dep)
) STRICT, WITHOUT ROWID;
INSERT INTO "dependency" VALUES(4,1);
CREATE TABLE event (
    seq     INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    run     INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    actor   TEXT NOT NULL,
    after   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    hash    TEXT NOT NULL
) STRICT;
INSERT INTO "event" VALUES(1,1700000000.0,1,'run.started','1','supervisor','{"id":1,"team":"small","profile":"small.toml","digest":"0000000000000000000000000000000000000000000000000000000000000000","state":"active","started_at":1700000000.0,"finished_at":null,"outcome":""}','','ccc90af635fa08725f8bdec96981585b698dfa0f4c32f346753e965c1cd02857');
INSERT INTO "event" VALUES(2,1700000000.0,1,'agent.enrolled','planner','supervisor','{"name":"planner","pool":"planner","role":"planner","state":"pending","tags":[],"groups":[],"incarnation":0,"pid":null,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','bb70879712065a2d6da3346addc12680a6c453e2b8f701b08ddad925a674355a');
INSERT INTO "event" VALUES(3,1700000000.0,1,'agent.enrolled','worker-1','supervisor','{"name":"worker-1","pool":"worker","role":"worker","state":"pending","tags":[],"groups":["builders"],"incarnation":0,"pid":null,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','4fc3d8eb32b8f77c5ddb522436bc8e6c80613a5f047eba47d751e34e342e7c1f');
INSERT INTO "event" VALUES(4,1700000000.0,1,'agent.enrolled','worker-2','supervisor','{"name":"worker-2","pool":"worker","role":"worker","state":"pending","tags":[],"groups":["builders"],"incarnation":0,"pid":null,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','29aeaef7e031c7e3fcddba6a956728f281c40cab9dab27fb393d30e67b805262');
INSERT INTO "event" VALUES(5,1700000000.0,1,'agent.enrolled','judge','supervisor','{"name":"judge","pool":"judge","role":"judge","state":"pending","tags":[],"groups":[],"incarnation":0,"pid":null,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','715fe89ca052bcb7b2e051f85ed2a649d2ad4be0dc654e9ba438ad69d4dcd798');
INSERT INTO "event" VALUES(6,1700000000.0,1,'agent.enrolled','voter-1','supervisor','{"name":"voter-1","pool":"voter","role":"judge","state":"pending","tags":[],"groups":["council"],"incarnation":0,"pid":null,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','517d5deb2c483a9bbe7157e61d5decdd9b6f21b857904e4e25c4f25bdc61dd17');
INSERT INTO "event" VALUES(7,1700000000.0,1,'agent.enrolled','voter-2','supervisor','{"name":"voter-2","pool":"voter","role":"judge","state":"pending","tags":[],"groups":["council"],"incarnation":0,"pid":null,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','d2cde61252191200bcafb432e074f39dd646b2b9d6a8fb776f0f77accfb71f06');
INSERT INTO "event" VALUES(8,1700000000.0,1,'agent.enrolled','voter-3','supervisor','{"name":"voter-3","pool":"voter","role":"judge","state":"pending","tags":[],"groups":["council"],"incarnation":0,"pid":null,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','ee342f539c0c9942074d2ae79ef9f603ed5d22c14fb3a64c39a10a0fdee14fc8');
INSERT INTO "event" VALUES(9,1700000000.0,1,'agent.enrolled','watcher','supervisor','{"name":"watcher","pool":"watcher","role":"monitor","state":"pending","tags":[],"groups":[],"incarnation":0,"pid":null,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','56da168eed72bba89dbb922fa41d3a42164ba5c60c8a1fbc80a6d560f9e0e8ee');
INSERT INTO "event" VALUES(10,1700000000.0,1,'agent.enrolled','solo','supervisor','{"name":"solo","pool":"solo","role":"solo","state":"pending","tags":[],"groups":[],"incarnation":0,"pid":null,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','40ad7adaee70597b9768a261d593a074888bec31eaff6c261f330d87a4be07ae');
INSERT INTO "event" VALUES(11,1700000000.0,1,'agent.enrolled','chief','supervisor','{"name":"chief","pool":"chief","role":"orchestrator","state":"pending","tags":[],"groups":[],"incarnation":0,"pid":null,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','92482d4bc22419fce808356e14a283161021ae1e61ffe9f13b782c9eda4d1b67');
INSERT INTO "event" VALUES(12,1700000000.0,1,'agent.starting','planner','supervisor','{"name":"planner","pool":"planner","role":"planner","state":"starting","tags":[],"groups":[],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','042301ec6e3ac2a5b9e25bcb170564384b6dd7fef515f1a8ba178520a8633fd0');
INSERT INTO "event" VALUES(13,1700000000.0,1,'agent.idle','planner','supervisor','{"name":"planner","pool":"planner","role":"planner","state":"idle","tags":[],"groups":[],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','fbaf3c68b1a646427a6bb1a2e0565cc77bf7ef44269451b7f0e59da9d77e137d');
INSERT INTO "event" VALUES(14,1700000000.0,1,'agent.starting','worker-1','supervisor','{"name":"worker-1","pool":"worker","role":"worker","state":"starting","tags":[],"groups":["builders"],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','ca2b2ddcc3d8ae782f8a2ffc8afb907f33a45ec93198ddaf089e41cd3ec6b84a');
INSERT INTO "event" VALUES(15,1700000000.0,1,'agent.idle','worker-1','supervisor','{"name":"worker-1","pool":"worker","role":"worker","state":"idle","tags":[],"groups":["builders"],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','a7b1b428431f2e90c2b00488c60fd580751d766394bf6e4c16dbcb9bf3b71abc');
INSERT INTO "event" VALUES(16,1700000000.0,1,'agent.starting','worker-2','supervisor','{"name":"worker-2","pool":"worker","role":"worker","state":"starting","tags":[],"groups":["builders"],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','494174c2db2ee16328666f6a439c03236ad47832a5b7cbebf80e92e4e6af990e');
INSERT INTO "event" VALUES(17,1700000000.0,1,'agent.idle','worker-2','supervisor','{"name":"worker-2","pool":"worker","role":"worker","state":"idle","tags":[],"groups":["builders"],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','04d7631c6b4c26c912ca20170cfe80d97edaffcf264b4f5636305bd0a77d566a');
INSERT INTO "event" VALUES(18,1700000000.0,1,'agent.starting','judge','supervisor','{"name":"judge","pool":"judge","role":"judge","state":"starting","tags":[],"groups":[],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','3689df8295af5b17bf0623ef3481a82a4477158ee546dba30f1b77b48956bf64');
INSERT INTO "event" VALUES(19,1700000000.0,1,'agent.idle','judge','supervisor','{"name":"judge","pool":"judge","role":"judge","state":"idle","tags":[],"groups":[],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','4a6b2cc69f89a00614c258a56cf619b280a84a135e55b32e9d0ee111d2dd01c3');
INSERT INTO "event" VALUES(20,1700000000.0,1,'agent.starting','voter-1','supervisor','{"name":"voter-1","pool":"voter","role":"judge","state":"starting","tags":[],"groups":["council"],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','e709bc34f0082961426ad1b5804e0814034e59d8dc4dc7b39c4ae6f6ff4be20b');
INSERT INTO "event" VALUES(21,1700000000.0,1,'agent.idle','voter-1','supervisor','{"name":"voter-1","pool":"voter","role":"judge","state":"idle","tags":[],"groups":["council"],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','bf3dfafdabdf805568c1b4237f6f239319fa9470bfe283328477695382da169d');
INSERT INTO "event" VALUES(22,1700000000.0,1,'agent.starting','voter-2','supervisor','{"name":"voter-2","pool":"voter","role":"judge","state":"starting","tags":[],"groups":["council"],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','4a9f993656944b525cc2f7c82a40f90fc3cb4797ec5ddb4484dc28186d4a3a0d');
INSERT INTO "event" VALUES(23,1700000000.0,1,'agent.idle','voter-2','supervisor','{"name":"voter-2","pool":"voter","role":"judge","state":"idle","tags":[],"groups":["council"],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','6b35bd8c50d024cfd8b9058f5632d1382b8426ddf331b98cdde69982dd465e47');
INSERT INTO "event" VALUES(24,1700000000.0,1,'agent.starting','voter-3','supervisor','{"name":"voter-3","pool":"voter","role":"judge","state":"starting","tags":[],"groups":["council"],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','f7599cae52831fc2439920be0f73d8989a948159c088626cc2ba2ad0f5cdaeed');
INSERT INTO "event" VALUES(25,1700000000.0,1,'agent.idle','voter-3','supervisor','{"name":"voter-3","pool":"voter","role":"judge","state":"idle","tags":[],"groups":["council"],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','f495294031f7d1c15532f7f34b2289bbfab0b2a9b6bbeaea9ab98664a72a5117');
INSERT INTO "event" VALUES(26,1700000000.0,1,'agent.starting','watcher','supervisor','{"name":"watcher","pool":"watcher","role":"monitor","state":"starting","tags":[],"groups":[],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','b33b562726cbc846ce00b7c24ab3f0776b43abbaeaca4b36611dfb0abdcd6080');
INSERT INTO "event" VALUES(27,1700000000.0,1,'agent.idle','watcher','supervisor','{"name":"watcher","pool":"watcher","role":"monitor","state":"idle","tags":[],"groups":[],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','da21c9da561172c2affec7a36699a10e057c5ffe949e139577b7eb50e85c693d');
INSERT INTO "event" VALUES(28,1700000000.0,1,'agent.starting','solo','supervisor','{"name":"solo","pool":"solo","role":"solo","state":"starting","tags":[],"groups":[],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','78f7d73ad3d2a5d7e6e56d9fd7673bf6abe611802dbba456fb345c3ac83bc41e');
INSERT INTO "event" VALUES(29,1700000000.0,1,'agent.idle','solo','supervisor','{"name":"solo","pool":"solo","role":"solo","state":"idle","tags":[],"groups":[],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','c0a57d22971e75dbfba872d89506a4d362c471d9adca7bb1988aa50d895db8cc');
INSERT INTO "event" VALUES(30,1700000000.0,1,'agent.starting','chief','supervisor','{"name":"chief","pool":"chief","role":"orchestrator","state":"starting","tags":[],"groups":[],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','29ecc6a8f4bfd4bfc215560aaf05f0735719fc7c1e2bad3e858a17fcfda06086');
INSERT INTO "event" VALUES(31,1700000000.0,1,'agent.idle','chief','supervisor','{"name":"chief","pool":"chief","role":"orchestrator","state":"idle","tags":[],"groups":[],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000000.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','a705ec79697191ef2cb796650be7f70af95aa42784936644904c64dd8e1071db');
INSERT INTO "event" VALUES(32,1700000001.0,1,'task.created','T1','planner','{"id":"T1","run":1,"title":"first","description":"","state":"pending","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":false,"assignee":null,"required_role":null,"creator":"planner","holder":null,"author":null,"reviewer":null,"token":0,"lease_until":null,"percent":0,"action":"","result":"","feedback":"","review_round":0,"failures":0,"releases":0,"created_at":1700000001.0,"updated_at":1700000001.0,"started_at":null,"finished_at":null}','','ad5ad7c6dd406ccf954770ad8c65d607c6c8165bc03e657547dbe943b8b36971');
INSERT INTO "event" VALUES(33,1700000002.0,1,'task.created','T2','planner','{"id":"T2","run":1,"title":"second","description":"","state":"pending","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":false,"assignee":null,"required_role":null,"creator":"planner","holder":null,"author":null,"reviewer":null,"token":0,"lease_until":null,"percent":0,"action":"","result":"","feedback":"","review_round":0,"failures":0,"releases":0,"created_at":1700000002.0,"updated_at":1700000002.0,"started_at":null,"finished_at":null}','','55012a1e686306a341e15ee6cd0b98302d10e7cb5db61dd9ad56c0a4f114277d');
INSERT INTO "event" VALUES(34,1700000003.0,1,'task.created','T3','planner','{"id":"T3","run":1,"title":"third","description":"","state":"pending","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":true,"assignee":null,"required_role":null,"creator":"planner","holder":null,"author":null,"reviewer":null,"token":0,"lease_until":null,"percent":0,"action":"","result":"","feedback":"","review_round":0,"failures":0,"releases":0,"created_at":1700000003.0,"updated_at":1700000003.0,"started_at":null,"finished_at":null}','','f4b3ec2a08bc2bfe4c6f338ea5883b5719f97cc8eb6893dcdd793d34145a0007');
INSERT INTO "event" VALUES(35,1700000004.0,1,'task.created','T4','planner','{"id":"T4","run":1,"title":"fourth","description":"","state":"blocked","blocked_by":["dependency"],"priority":2,"tags":[],"criteria":[],"depends_on":["T1"],"parent":null,"review":false,"assignee":null,"required_role":null,"creator":"planner","holder":null,"author":null,"reviewer":null,"token":0,"lease_until":null,"percent":0,"action":"","result":"","feedback":"","review_round":0,"failures":0,"releases":0,"created_at":1700000004.0,"updated_at":1700000004.0,"started_at":null,"finished_at":null}','','3d2c9e7e45ccf3792fb8bccd8f6bd10cefa6260562aa7752f9611faacfd2e831');
INSERT INTO "event" VALUES(36,1700000005.0,1,'task.claimed','T2','worker-1','{"id":"T2","run":1,"title":"second","description":"","state":"in_progress","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":false,"assignee":null,"required_role":null,"creator":"planner","holder":"worker-1","author":"worker-1","reviewer":null,"token":1,"lease_until":1700000905.0,"percent":0,"action":"","result":"","feedback":"","review_round":0,"failures":0,"releases":0,"created_at":1700000002.0,"updated_at":1700000005.0,"started_at":1700000005.0,"finished_at":null}','','a2d2ca97dba5665d7b40017f2711e4eb8d2467cc258e7d4dd4a53119dabe0abe');
INSERT INTO "event" VALUES(37,1700000005.0,1,'agent.working','worker-1','worker-1','{"name":"worker-1","pool":"worker","role":"worker","state":"working","tags":[],"groups":["builders"],"incarnation":1,"pid":1001,"task":"T2","restarts":0,"since":1700000005.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','f153b733022f0dd9327eeca84089003d9e6cef2a6f4586e4b2365c4a5d2c6b01');
INSERT INTO "event" VALUES(38,1700000006.0,1,'task.claimed','T3','worker-2','{"id":"T3","run":1,"title":"third","description":"","state":"in_progress","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":true,"assignee":null,"required_role":null,"creator":"planner","holder":"worker-2","author":"worker-2","reviewer":null,"token":1,"lease_until":1700000906.0,"percent":0,"action":"","result":"","feedback":"","review_round":0,"failures":0,"releases":0,"created_at":1700000003.0,"updated_at":1700000006.0,"started_at":1700000006.0,"finished_at":null}','','b8fe8259b9ab004c52a6fe2423de13d7335c8e38c9a30658ca7da25554a48269');
INSERT INTO "event" VALUES(39,1700000006.0,1,'agent.working','worker-2','worker-2','{"name":"worker-2","pool":"worker","role":"worker","state":"working","tags":[],"groups":["builders"],"incarnation":1,"pid":1001,"task":"T3","restarts":0,"since":1700000006.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','6c5265a9d8e9a2d4e24b45d45bc3a2d42adc7d448a0b0a56d691d0fe20c229b7');
INSERT INTO "event" VALUES(40,1700000007.0,1,'task.submitted','T3','worker-2','{"id":"T3","run":1,"title":"third","description":"","state":"in_review","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":true,"assignee":null,"required_role":null,"creator":"planner","holder":null,"author":"worker-2","reviewer":null,"token":1,"lease_until":null,"percent":100,"action":"","result":"done","feedback":"","review_round":0,"failures":0,"releases":0,"created_at":1700000003.0,"updated_at":1700000007.0,"started_at":1700000006.0,"finished_at":null}','','836b9e4aab1f24aa479202e915c6e8f3e7591d5030af604064df28069922455e');
INSERT INTO "event" VALUES(41,1700000007.0,1,'agent.idle','worker-2','worker-2','{"name":"worker-2","pool":"worker","role":"worker","state":"idle","tags":[],"groups":["builders"],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000007.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','af13df7a981b4f2d66c23852667fe66505c82c741bda57cd8b5ff795bd4a9c96');
INSERT INTO "event" VALUES(42,1700000008.0,1,'message.sent','M1','planner','{"id":"M1","run":1,"sender":"planner","to":"worker-1","body":"welcome","kind":"info","urgent":false,"thread":"","at":1700000008.0,"expires_at":1700086408.0}','','8e9d111d382acf05c56ca6c39ab81fba89dabb883b52eab02bcec45ece07a4d8');
INSERT INTO "event" VALUES(43,1700000008.0,1,'delivery.queued','M1/worker-1','planner','{"message":"M1","recipient":"worker-1","state":"queued","delivered_at":null,"acked_at":null}','','c74106bbbf2eeb24a149d5786062b77bd6d367a2ee0aa2f330b6122a69bf3ac9');
INSERT INTO "event" VALUES(44,1700000009.0,1,'memory.set','team/language','planner','{"scope":"team","key":"language","value":"python","version":1,"author":"planner","at":1700000009.0}','','5e4c0c9a3aeff29db3833be813518b05662a7afbf7d0b54233504ba0803540f1');
INSERT INTO "event" VALUES(45,1700000010.0,1,'vote.opened','V1','planner','{"id":"V1","run":1,"question":"begin?","options":["yes","no"],"electorate":["voter-1","voter-2","voter-3"],"quorum":2,"opened_by":"planner","opened_at":1700000010.0,"deadline":1700000310.0,"state":"open","outcome":null,"winner":null,"closed_at":null,"closed_because":""}','','3b16d4274b14dd8fdfd0ea07707e51a8be44253bc84ec713f684a5a953de75b3');
INSERT INTO "event" VALUES(46,1700000011.0,1,'approval.requested','A1','worker-1','{"id":"A1","run":1,"agent":"worker-1","incarnation":1,"kind":"write_file","tier":1,"title":"write b","payload":"{\"lines\":[1,2],\"path\":\"b\"}","digest":"303dc2dd67f4a04661c1cdb6980423198d294e5e49f1f64e356703de3633210f","reason":"","task":null,"state":"pending","created_at":1700000011.0,"expires_at":1700000911.0,"answered_by":null,"answered_at":null,"answer":""}','','09165f365d2e1e43691e533a94fcde7feb4e1b0a848ed0eee25ed495ff0a5833');
INSERT INTO "event" VALUES(47,1700000011.0,1,'agent.waiting_human','worker-1','worker-1','{"name":"worker-1","pool":"worker","role":"worker","state":"waiting_human","tags":[],"groups":["builders"],"incarnation":1,"pid":1001,"task":"T2","restarts":0,"since":1700000011.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','17f8644c547fa78ff623f774c68f6b2bab644f3368ab19abaf00e6a6350cd840');
INSERT INTO "event" VALUES(48,1700000011.0,1,'approval.approved','A1','human','{"id":"A1","run":1,"agent":"worker-1","incarnation":1,"kind":"write_file","tier":1,"title":"write b","payload":"{\"lines\":[1,2],\"path\":\"b\"}","digest":"303dc2dd67f4a04661c1cdb6980423198d294e5e49f1f64e356703de3633210f","reason":"","task":null,"state":"approved","created_at":1700000011.0,"expires_at":1700000911.0,"answered_by":"human","answered_at":1700000011.0,"answer":""}','','8ac02391d3ebceaa558692f8397458e2f3a797e089f17e281ca5173550b8f14a');
INSERT INTO "event" VALUES(49,1700000011.0,1,'agent.working','worker-1','worker-1','{"name":"worker-1","pool":"worker","role":"worker","state":"working","tags":[],"groups":["builders"],"incarnation":1,"pid":1001,"task":"T2","restarts":0,"since":1700000011.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','7f9db6697139e6a090daf5bcb274af0f7e55c756bb61490b4c1b459717280243');
INSERT INTO "event" VALUES(50,1700000012.0,1,'approval.requested','A2','worker-2','{"id":"A2","run":1,"agent":"worker-2","incarnation":1,"kind":"push","tier":3,"title":"push","payload":"{\"to\":\"main\"}","digest":"12d34ad16c9da7554750b669dfb5b55a0604af4c2d9a1efb24f23b88fc8ed063","reason":"","task":null,"state":"pending","created_at":1700000012.0,"expires_at":1700000912.0,"answered_by":null,"answered_at":null,"answer":""}','','d8c956d8e5c3c70485ec41aa27ff9c939677c9e737a6c526743cc15c188de73d');
INSERT INTO "event" VALUES(51,1700000012.0,1,'agent.waiting_human','worker-2','worker-2','{"name":"worker-2","pool":"worker","role":"worker","state":"waiting_human","tags":[],"groups":["builders"],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000012.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','35b5925f19668e7c8ddebd39bbaca64d3dc9ca6b5d34249ce0dee1066580314d');
INSERT INTO "event" VALUES(52,1700000013.0,1,'ballot.cast','V1/voter-1','voter-1','{"vote":"V1","voter":"voter-1","choice":"yes","rationale":"r","at":1700000013.0}','','165da60ab88723c00666426a3fa544d12fdaf367e5a00f09f1db93ba3ab21998');
INSERT INTO "event" VALUES(53,1700000014.0,1,'ballot.cast','V1/voter-2','voter-2','{"vote":"V1","voter":"voter-2","choice":"yes","rationale":"r","at":1700000014.0}','','0bfb62fa7e64e963de5d1151e6e642c1091f0333a491d333f708e3bd331266b1');
INSERT INTO "event" VALUES(54,1700000015.0,1,'ballot.cast','V1/voter-3','voter-3','{"vote":"V1","voter":"voter-3","choice":"yes","rationale":"r","at":1700000015.0}','','ac79f17801df3937ba3d22e57c93991783e199a21a749a8c0cb8a8c7d71122c2');
INSERT INTO "event" VALUES(55,1700000015.0,1,'vote.closed','V1','supervisor','{"id":"V1","run":1,"question":"begin?","options":["yes","no"],"electorate":["voter-1","voter-2","voter-3"],"quorum":2,"opened_by":"planner","opened_at":1700000010.0,"deadline":1700000310.0,"state":"closed","outcome":"decided","winner":"yes","closed_at":1700000015.0,"closed_because":"everybody has voted"}','everybody has voted','fb2a195f35e2c7d3c76f95bf7978e1964ab0d423d9aabf307f28d46a93a2d73f');
INSERT INTO "event" VALUES(56,1700000015.0,1,'message.sent','M2','supervisor','{"id":"M2","run":1,"sender":"supervisor","to":"voters","body":"Vote V1 ended: decided for yes (yes: 3, no: 0, abstain: 0).","kind":"vote","urgent":false,"thread":"V1","at":1700000015.0,"expires_at":1700086415.0}','','3b5c55410956170e3fc26904ecde3a9233de878476be369ed47b287161ddcbcf');
INSERT INTO "event" VALUES(57,1700000015.0,1,'delivery.queued','M2/planner','supervisor','{"message":"M2","recipient":"planner","state":"queued","delivered_at":null,"acked_at":null}','','eab4c0cb3616d802b9ff50b30b1ea368abdf4b88feabe50dc68366eb339364e9');
INSERT INTO "event" VALUES(58,1700000015.0,1,'delivery.queued','M2/voter-1','supervisor','{"message":"M2","recipient":"voter-1","state":"queued","delivered_at":null,"acked_at":null}','','780db081b008cdf58bdf02f7301b2b6d0c9cb0b545ef7a767ec9b461a51b564d');
INSERT INTO "event" VALUES(59,1700000015.0,1,'delivery.queued','M2/voter-2','supervisor','{"message":"M2","recipient":"voter-2","state":"queued","delivered_at":null,"acked_at":null}','','552cc11e7b73d13c3bba23158ad50c3b113fef1c33fb79243766fa5976cf61d5');
INSERT INTO "event" VALUES(60,1700000015.0,1,'delivery.queued','M2/voter-3','supervisor','{"message":"M2","recipient":"voter-3","state":"queued","delivered_at":null,"acked_at":null}','','d4ac1317baab3d7036ee0c8a47f6ce73409f5f64eac201d3ee32ae7c0d57bb8f');
INSERT INTO "event" VALUES(61,1700000016.0,1,'task.rejected','T3','judge','{"id":"T3","run":1,"title":"third","description":"","state":"pending","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":true,"assignee":"worker-2","required_role":null,"creator":"planner","holder":null,"author":"worker-2","reviewer":null,"token":1,"lease_until":null,"percent":100,"action":"","result":"done","feedback":"tests missing","review_round":1,"failures":0,"releases":0,"created_at":1700000003.0,"updated_at":1700000016.0,"started_at":1700000006.0,"finished_at":null}','tests missing','674ce897504541af196df82290aeb670f50715826dafd513eb214d4ca5ba585e');
INSERT INTO "event" VALUES(62,1700000017.0,1,'task.progress','T2','worker-1','{"id":"T2","run":1,"title":"second","description":"","state":"in_progress","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":false,"assignee":null,"required_role":null,"creator":"planner","holder":"worker-1","author":"worker-1","reviewer":null,"token":1,"lease_until":1700000917.0,"percent":40,"action":"reading","result":"","feedback":"","review_round":0,"failures":0,"releases":0,"created_at":1700000002.0,"updated_at":1700000017.0,"started_at":1700000005.0,"finished_at":null}','','9351301d6800603289fb0546ae1d72d0171c8da39fc076f3208eecfa0f564660');
INSERT INTO "event" VALUES(63,1700000018.0,1,'checkpoint.saved','T2','worker-1','{"task":"T2","author":"worker-1","token":1,"percent":50,"completed":["a"],"remaining":["b"],"state":"{}","at":1700000018.0}','','48c09ba3b03dd3a6b213abf7f2da1a5b35e8f9e61782e2128e894fe28defba05');
INSERT INTO "event" VALUES(64,1700000019.0,1,'note.added','1','judge','{"id":1,"task":"T3","author":"judge","body":"look at line 3","at":1700000019.0}','','5b9e0faa4d66a45678cf70a30c3cb21a1038a0bbfda726936a3e0dfcfea7f48a');
INSERT INTO "event" VALUES(65,1700000020.0,1,'delivery.delivered','M1/worker-1','worker-1','{"message":"M1","recipient":"worker-1","state":"delivered","delivered_at":1700000020.0,"acked_at":null}','','6175094207c80c0054780eafe5af92ba7e442ab232008d07b13411c936c377a6');
INSERT INTO "event" VALUES(66,1700000021.0,1,'delivery.acked','M1/worker-1','worker-1','{"message":"M1","recipient":"worker-1","state":"acked","delivered_at":1700000020.0,"acked_at":1700000021.0}','','e3f443509e22c2f786250e5252080b6d6d36f8a2bc142ead43caa2fdcec1cf0e');
INSERT INTO "event" VALUES(67,1700000022.0,1,'message.sent','M3','worker-1','{"id":"M3","run":1,"sender":"worker-1","to":"group:council","body":"hello é 😀","kind":"info","urgent":false,"thread":"","at":1700000022.0,"expires_at":1700086422.0}','','2398a2d6eecf62d4879df9b845ccddba75df816efeca9e1cf8b5c51998752eb2');
INSERT INTO "event" VALUES(68,1700000022.0,1,'delivery.queued','M3/voter-1','worker-1','{"message":"M3","recipient":"voter-1","state":"queued","delivered_at":null,"acked_at":null}','','3e1c21233662598a13e141e28c34ff3cd30e721dc16b52c3f9f97d36bdd7c7f8');
INSERT INTO "event" VALUES(69,1700000022.0,1,'delivery.queued','M3/voter-2','worker-1','{"message":"M3","recipient":"voter-2","state":"queued","delivered_at":null,"acked_at":null}','','d0fe1ac196a27199a39dc425d839197d528c6e21c7fe434a3400b680851c0a95');
INSERT INTO "event" VALUES(70,1700000022.0,1,'delivery.queued','M3/voter-3','worker-1','{"message":"M3","recipient":"voter-3","state":"queued","delivered_at":null,"acked_at":null}','','61f71ead99082ac591fed34ae99b1baa29e8a928a696f5764aa719169e2abf27');
INSERT INTO "event" VALUES(71,1700000023.0,1,'task.created','T5','planner','{"id":"T5","run":1,"title":"cancelled one","description":"","state":"pending","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":false,"assignee":null,"required_role":null,"creator":"planner","holder":null,"author":null,"reviewer":null,"token":0,"lease_until":null,"percent":0,"action":"","result":"","feedback":"","review_round":0,"failures":0,"releases":0,"created_at":1700000023.0,"updated_at":1700000023.0,"started_at":null,"finished_at":null}','','71867f898d6c2308296ffd90bb4a786dcd36f818f931dab597713cc98dcacbc5');
INSERT INTO "event" VALUES(72,1700000024.0,1,'task.cancelled','T5','planner','{"id":"T5","run":1,"title":"cancelled one","description":"","state":"cancelled","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":false,"assignee":null,"required_role":null,"creator":"planner","holder":null,"author":null,"reviewer":null,"token":0,"lease_until":null,"percent":0,"action":"","result":"","feedback":"","review_round":0,"failures":0,"releases":0,"created_at":1700000023.0,"updated_at":1700000024.0,"started_at":null,"finished_at":1700000024.0}','no','93fccfbab2c045ca61733a9bfb19e90684b0844129060bb62a7cad8dea05cdeb');
INSERT INTO "event" VALUES(73,1700000025.0,1,'task.done','T2','worker-1','{"id":"T2","run":1,"title":"second","description":"","state":"done","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":false,"assignee":null,"required_role":null,"creator":"planner","holder":null,"author":"worker-1","reviewer":null,"token":1,"lease_until":null,"percent":100,"action":"","result":"it works","feedback":"","review_round":0,"failures":0,"releases":0,"created_at":1700000002.0,"updated_at":1700000025.0,"started_at":1700000005.0,"finished_at":1700000025.0}','','8440cd8081975a1b38a5545f4a76528a053a7f74881b36707b6f4b124c812c3e');
INSERT INTO "event" VALUES(74,1700000025.0,1,'agent.idle','worker-1','worker-1','{"name":"worker-1","pool":"worker","role":"worker","state":"idle","tags":[],"groups":["builders"],"incarnation":1,"pid":1001,"task":null,"restarts":0,"since":1700000025.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','3d7042a16152ac5a5d67ba3c75751d57b66f72924ced24f0fc5664f0ca7b7d9f');
INSERT INTO "event" VALUES(75,1700000026.0,1,'task.claimed','T1','worker-1','{"id":"T1","run":1,"title":"first","description":"","state":"in_progress","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":false,"assignee":null,"required_role":null,"creator":"planner","holder":"worker-1","author":"worker-1","reviewer":null,"token":1,"lease_until":1700000926.0,"percent":0,"action":"","result":"","feedback":"","review_round":0,"failures":0,"releases":0,"created_at":1700000001.0,"updated_at":1700000026.0,"started_at":1700000026.0,"finished_at":null}','','f9a84159fb55b070578d4e8e40640bddf0cbb5c43b355446609515ff8ad6735c');
INSERT INTO "event" VALUES(76,1700000026.0,1,'agent.working','worker-1','worker-1','{"name":"worker-1","pool":"worker","role":"worker","state":"working","tags":[],"groups":["builders"],"incarnation":1,"pid":1001,"task":"T1","restarts":0,"since":1700000026.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','391e3563ef73fb2843fe0d1c16c7ae9a00619edfb8918e3d2bfec6e18cc0ca14');
INSERT INTO "event" VALUES(77,1700000026.0,1,'task.retried','T1','supervisor','{"id":"T1","run":1,"title":"first","description":"","state":"pending","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":false,"assignee":null,"required_role":null,"creator":"planner","holder":null,"author":"worker-1","reviewer":null,"token":1,"lease_until":null,"percent":0,"action":"","result":"","feedback":"killed by signal 9","review_round":0,"failures":1,"releases":0,"created_at":1700000001.0,"updated_at":1700000026.0,"started_at":1700000026.0,"finished_at":null}','killed by signal 9','ba7f90f374d3bb68a98e5c49f1a47c1481ebeca49449202687f5779e3d672bcd');
INSERT INTO "event" VALUES(78,1700000026.0,1,'approval.withdrawn','A1','supervisor','{"id":"A1","run":1,"agent":"worker-1","incarnation":1,"kind":"write_file","tier":1,"title":"write b","payload":"{\"lines\":[1,2],\"path\":\"b\"}","digest":"303dc2dd67f4a04661c1cdb6980423198d294e5e49f1f64e356703de3633210f","reason":"","task":null,"state":"withdrawn","created_at":1700000011.0,"expires_at":1700000911.0,"answered_by":"human","answered_at":1700000011.0,"answer":""}','killed by signal 9','99df7264a9a1fcd2c2dcdcec37707d16ad6686823645b05c0fdb2cf87b9778ef');
INSERT INTO "event" VALUES(79,1700000026.0,1,'agent.backoff','worker-1','supervisor','{"name":"worker-1","pool":"worker","role":"worker","state":"backoff","tags":[],"groups":["builders"],"incarnation":1,"pid":null,"task":null,"restarts":0,"since":1700000026.0,"next_start_at":null,"last_exit":{"kind":"signal","code":null,"signal":9,"detail":""},"reason":"killed by signal 9","assurance":"L0"}','killed by signal 9','629f877e3735ca113f85095dcabecd4efd62c9af6424592daad292af8fb02492');
INSERT INTO "event" VALUES(80,1700000026.0,1,'agent.starting','worker-1','supervisor','{"name":"worker-1","pool":"worker","role":"worker","state":"starting","tags":[],"groups":["builders"],"incarnation":2,"pid":1002,"task":null,"restarts":0,"since":1700000026.0,"next_start_at":null,"last_exit":{"kind":"signal","code":null,"signal":9,"detail":""},"reason":"","assurance":"L0"}','','498b2e4ac30c189776a511f0d896cc3249b093cfa9ba3ae13d9597da53a9b82c');
INSERT INTO "event" VALUES(81,1700000026.0,1,'agent.idle','worker-1','supervisor','{"name":"worker-1","pool":"worker","role":"worker","state":"idle","tags":[],"groups":["builders"],"incarnation":2,"pid":1002,"task":null,"restarts":0,"since":1700000026.0,"next_start_at":null,"last_exit":{"kind":"signal","code":null,"signal":9,"detail":""},"reason":"","assurance":"L0"}','','5faefada6f602056fcbf2492cba9e3176c0f5b7a7d27fad48ac2c293cbc11cae');
INSERT INTO "event" VALUES(82,1700000027.0,1,'task.claimed','T1','solo','{"id":"T1","run":1,"title":"first","description":"","state":"in_progress","blocked_by":[],"priority":2,"tags":[],"criteria":[],"depends_on":[],"parent":null,"review":false,"assignee":null,"required_role":null,"creator":"planner","holder":"solo","author":"solo","reviewer":null,"token":2,"lease_until":1700000927.0,"percent":0,"action":"","result":"","feedback":"killed by signal 9","review_round":0,"failures":1,"releases":0,"created_at":1700000001.0,"updated_at":1700000027.0,"started_at":1700000027.0,"finished_at":null}','','a3681dad7155c464dbf1284132f7c8f5f792c44626c3e57db1173ccf9cd52e8d');
INSERT INTO "event" VALUES(83,1700000027.0,1,'agent.working','solo','solo','{"name":"solo","pool":"solo","role":"solo","state":"working","tags":[],"groups":[],"incarnation":1,"pid":1001,"task":"T1","restarts":0,"since":1700000027.0,"next_start_at":null,"last_exit":null,"reason":"","assurance":"L0"}','','9056959e6b04d69a63ac890401fd9f456445f44c1dbf2c20699926f237764226');
CREATE TABLE incarnation (
    agent      TEXT NOT NULL,
    number     INTEGER NOT NULL,
    run        INTEGER NOT NULL,
    session    TEXT NOT NULL,
    boot_id    TEXT NOT NULL,
    key_hash   TEXT NOT NULL UNIQUE,
    pid        INTEGER,
    start_time INTEGER,
    started_at REAL NOT NULL,
    ended_at   REAL,
    PRIMARY KEY (agent, number)
) STRICT;
INSERT INTO "incarnation" VALUES('planner',1,1,'session','boot','18040b5968274e9636b9aea0cb8be5ebdef4008d7abc5fbe3311e95c7eb7ae5a',NULL,NULL,1700000000.0,NULL);
INSERT INTO "incarnation" VALUES('worker-1',1,1,'session','boot','922751b29e199ffbe826f0e84b197f86a07dc561c48bddff8fbea50a8d41f43b',NULL,NULL,1700000000.0,1700000026.0);
INSERT INTO "incarnation" VALUES('worker-2',1,1,'session','boot','4fb452ef35e14857f1d89b404632f1547c1e226f7279671de1134dc6bf2cef4b',NULL,NULL,1700000000.0,NULL);
INSERT INTO "incarnation" VALUES('judge',1,1,'session','boot','46d6aa0a721289c7737226ad79c360f0f952282fb1c13b128521c8d9d6d40af1',NULL,NULL,1700000000.0,NULL);
INSERT INTO "incarnation" VALUES('voter-1',1,1,'session','boot','51ccde34e3be12a7f78f119578c295a6a4506053792fb341bbc843d1e6102562',NULL,NULL,1700000000.0,NULL);
INSERT INTO "incarnation" VALUES('voter-2',1,1,'session','boot','b10c77e6ad7f533b5725631ad7a902e202270a122a6b60ea7bf92910d0763f62',NULL,NULL,1700000000.0,NULL);
INSERT INTO "incarnation" VALUES('voter-3',1,1,'session','boot','46b37a2d3ef46f0ed8a2566817e901a3d19515da34e7d5809e3e698b8a7e67a3',NULL,NULL,1700000000.0,NULL);
INSERT INTO "incarnation" VALUES('watcher',1,1,'session','boot','46f36501e67155efbc9c5498a9c88f0cbf207a835b852e63efddb81ce611967f',NULL,NULL,1700000000.0,NULL);
INSERT INTO "incarnation" VALUES('solo',1,1,'session','boot','078785d1cdbfd6c1296bbe3e77c9afe5e8fb7a58fb63eb6921e3de889003f5ae',NULL,NULL,1700000000.0,NULL);
INSERT INTO "incarnation" VALUES('chief',1,1,'session','boot','19c83036c54a00fa6c2a13de63b6d076df84ca5ebf759ece5c70604483e06f7a',NULL,NULL,1700000000.0,NULL);
INSERT INTO "incarnation" VALUES('worker-1',2,1,'session','boot','a620bfb33e72128ee4eea505bf6ca4bc6b0d1654c1589a744b9515a7a0ad2a2b',NULL,NULL,1700000026.0,NULL);
CREATE TABLE memory (
    scope   TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    version INTEGER NOT NULL,
    author  TEXT NOT NULL,
    at      REAL NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "memory" VALUES('team','language','python',1,'planner',1700000009.0);
CREATE TABLE message (
    n          INTEGER PRIMARY KEY,
    id         TEXT GENERATED ALWAYS AS ('M' || n) VIRTUAL,
    run        INTEGER NOT NULL REFERENCES run (id),
    sender     TEXT NOT NULL,
    "to"       TEXT NOT NULL,
    body       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    urgent     INTEGER NOT NULL,
    thread     TEXT NOT NULL,
    at         REAL NOT NULL,
    expires_at REAL NOT NULL
) STRICT;
INSERT INTO "message" VALUES(1,1,'planner','worker-1','welcome','info',0,'',1700000008.0,1700086408.0);
INSERT INTO "message" VALUES(2,1,'supervisor','voters','Vote V1 ended: decided for yes (yes: 3, no: 0, abstain: 0).','vote',0,'V1',1700000015.0,1700086415.0);
INSERT INTO "message" VALUES(3,1,'worker-1','group:council','hello é 😀','info',0,'',1700000022.0,1700086422.0);
CREATE TABLE note (
    id     INTEGER PRIMARY KEY,
    task   TEXT NOT NULL,
    author TEXT NOT NULL,
    body   TEXT NOT NULL,
    at     REAL NOT NULL
) STRICT;
INSERT INTO "note" VALUES(1,'T3','judge','look at line 3',1700000019.0);
CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    team        TEXT NOT NULL,
    profile     TEXT NOT NULL,
    digest      TEXT NOT NULL,
    state       TEXT NOT NULL,
    started_at  REAL NOT NULL,
    finished_at REAL,
    outcome     TEXT NOT NULL
) STRICT;
INSERT INTO "run" VALUES(1,'small','small.toml','0000000000000000000000000000000000000000000000000000000000000000','active',1700000000.0,NULL,'');
CREATE TABLE task (
    n             INTEGER PRIMARY KEY,
    id            TEXT GENERATED ALWAYS AS ('T' || n) VIRTUAL,
    run           INTEGER NOT NULL REFERENCES run (id),
    title         TEXT NOT NULL,
    description   TEXT NOT NULL,
    state         TEXT NOT NULL,
    blocked_by    TEXT NOT NULL,
    priority      INTEGER NOT NULL,
    tags          TEXT NOT NULL,
    criteria      TEXT NOT NULL,
    depends_on    TEXT NOT NULL,
    parent        TEXT,
    review        INTEGER NOT NULL,
    assignee      TEXT,
    required_role TEXT,
    creator       TEXT NOT NULL,
    holder        TEXT,
    author        TEXT,
    reviewer      TEXT,
    token         INTEGER NOT NULL,
    lease_until   REAL,
    percent       INTEGER NOT NULL,
    action        TEXT NOT NULL,
    result        TEXT NOT NULL,
    feedback      TEXT NOT NULL,
    review_round  INTEGER NOT NULL,
    failures      INTEGER NOT NULL,
    releases      INTEGER NOT NULL,
    created_at    REAL NOT NULL,
    updated_at    REAL NOT NULL,
    started_at    REAL,
    finished_at   REAL,
    unmet         INTEGER NOT NULL DEFAULT 0,
    rank          INTEGER GENERATED ALWAYS AS ((priority << 40) | n) VIRTUAL
) STRICT;
INSERT INTO "task" VALUES(1,1,'first','','in_progress','[]',2,'[]','[]','[]',NULL,0,NULL,NULL,'planner','solo','solo',NULL,2,1700000927.0,0,'','','killed by signal 9',0,1,0,1700000001.0,1700000027.0,1700000027.0,NULL,0);
INSERT INTO "task" VALUES(2,1,'second','','done','[]',2,'[]','[]','[]',NULL,0,NULL,NULL,'planner',NULL,'worker-1',NULL,1,NULL,100,'','it works','',0,0,0,1700000002.0,1700000025.0,1700000005.0,1700000025.0,0);
INSERT INTO "task" VALUES(3,1,'third','','pending','[]',2,'[]','[]','[]',NULL,1,'worker-2',NULL,'planner',NULL,'worker-2',NULL,1,NULL,100,'','done','tests missing',1,0,0,1700000003.0,1700000016.0,1700000006.0,NULL,0);
INSERT INTO "task" VALUES(4,1,'fourth','','blocked','["dependency"]',2,'[]','[]','["T1"]',NULL,0,NULL,NULL,'planner',NULL,NULL,NULL,0,NULL,0,'','','',0,0,0,1700000004.0,1700000004.0,NULL,NULL,1);
INSERT INTO "task" VALUES(5,1,'cancelled one','','cancelled','[]',2,'[]','[]','[]',NULL,0,NULL,NULL,'planner',NULL,NULL,NULL,0,NULL,0,'','','',0,0,0,1700000023.0,1700000024.0,NULL,1700000024.0,0);
CREATE TABLE vote (
    n              INTEGER PRIMARY KEY,
    id             TEXT GENERATED ALWAYS AS ('V' || n) VIRTUAL,
    run            INTEGER NOT NULL REFERENCES run (id),
    question       TEXT NOT NULL,
    options        TEXT NOT NULL,
    electorate     TEXT NOT NULL,
    quorum         INTEGER NOT NULL,
    opened_by      TEXT NOT NULL,
    opened_at      REAL NOT NULL,
    deadline       REAL NOT NULL,
    state          TEXT NOT NULL,
    outcome        TEXT,
    winner         TEXT,
    closed_at      REAL,
    closed_because TEXT NOT NULL
) STRICT;
INSERT INTO "vote" VALUES(1,1,'begin?','["yes","no"]','["voter-1","voter-2","voter-3"]',2,'planner',1700000010.0,1700000310.0,'closed','decided','yes',1700000015.0,'everybody has voted');
CREATE UNIQUE INDEX run_active ON run (state) WHERE state = 'active';
CREATE INDEX incarnation_live ON incarnation (agent) WHERE ended_at IS NULL;
CREATE INDEX task_ready ON task (run, rank) WHERE state = 'pending';
CREATE INDEX task_held ON task (holder) WHERE state = 'in_progress';
CREATE INDEX task_review ON task (run, rank) WHERE state = 'in_review';
CREATE INDEX task_open ON task (run, rank) WHERE state IN ('blocked', 'pending', 'in_progress', 'in_review');
CREATE INDEX task_run ON task (run, n);
CREATE INDEX dependency_reverse ON dependency (dep, task);
CREATE INDEX note_task ON note (task, id);
CREATE INDEX message_run ON message (run, n);
CREATE INDEX delivery_unread ON delivery (recipient, n) WHERE state IN ('queued', 'delivered');
CREATE INDEX delivery_recipient ON delivery (recipient, n);
CREATE INDEX vote_open ON vote (run, n) WHERE state = 'open';
CREATE INDEX vote_run ON vote (run, n);
CREATE INDEX approval_open ON approval (agent, n) WHERE state IN ('pending', 'approved');
CREATE INDEX approval_run ON approval (run, n);
CREATE INDEX event_subject ON event (subject, seq);
COMMIT;
