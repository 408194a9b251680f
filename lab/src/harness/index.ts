export { runInOps } from './in-ops.ts';
export { withLab } from './with-lab.ts';
export { eventually } from './wait.ts';
export { connect } from './clouds.ts';
export { createVnf, deleteBackups, emptyProject, guestReady, network, twoMembers, volumeAvailable, type MemberSpec, type VnfMember } from './vnf.ts';
export { agent, fetchGuest, guestGaps, guestLogs, longestGapMs, writerAt } from './guest.ts';
export { projectRoot, startController, type Controller, type ControllerOptions } from './controller.ts';
export { freshGroup } from './group.ts';
export { godwit, godwitOk, type CliOptions, type CliResult } from './godwit.ts';
