/** The floors of docs/architecture.md as rules: a file imports from its own room or from a floor below. */
const floors = [
  [1, ['apimachinery']],
  [2, ['kubernetes', 'component']],
  [3, ['apis', 'storage', 'client']],
  [4, ['controller']],
  [5, ['apiserver', 'kube-controllers', 'interpreter', 'members', 'estimator', 'installation']],
  [6, ['propagation', 'scheduler', 'clusters', 'karmada-admission', 'kubelite']],
  [7, ['karmadactl', 'local-up']],
  [8, ['cmd']],
];

const forbidden = floors.flatMap(([floor, rooms]) =>
  rooms.map((room) => {
    const banned = floors.filter(([other]) => other >= floor).flatMap(([, names]) => names.filter((name) => name !== room));
    return {
      name: `floor-${floor}-${room}`,
      severity: 'error',
      comment: `src/${room} may import only from itself and from floors below ${floor}`,
      from: { path: `^src/${room}/` },
      to: { path: `^src/(${banned.join('|')})/` },
    };
  }),
);

module.exports = {
  forbidden: [
    ...forbidden,
    { name: 'no-cycles', severity: 'error', from: { path: '^src/' }, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    // Suites that several tests share (the storage conformance suite) count as tests.
    { name: 'no-tests-from-source', severity: 'error', from: { path: '^src/', pathNot: '(\\.test\\.ts|\\.test-support\\.ts|/conformance\\.ts)$|/testing/' }, to: { path: '(^test/|^bench/|\\.test\\.ts$)' } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
