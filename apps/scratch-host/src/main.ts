import '@pgstow/shared/runtime/start-lean.ts';

// What follows is large; see there.
await import('./run.ts');
