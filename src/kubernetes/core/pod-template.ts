/** PodTemplates: defaults, rules, columns. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { KindBehaviour } from '../kind.ts';
import { columnsOf, containerImages, containerNames, labelsText, nameColumn } from '../printing/formats.ts';
import type { PodTemplate } from '../types.ts';
import { defaultPodTemplate } from './pod-defaults.ts';
import { checkPodSpec } from './pod-spec-validation.ts';

const { column } = columnsOf<PodTemplate>();

export const podTemplate: KindBehaviour = {
  default: (object) => defaultPodTemplate((object as unknown as PodTemplate).template),
  validate: (object) => checkPodSpec((object as DeepReadonly<PodTemplate>).template?.spec, 'template.spec'),
  columns: [
    nameColumn,
    column('Containers', ({ template }) => containerNames(template?.spec)),
    column('Images', ({ template }) => containerImages(template?.spec)),
    column('Pod Labels', ({ template }) => labelsText(template?.metadata?.labels)),
  ],
};
