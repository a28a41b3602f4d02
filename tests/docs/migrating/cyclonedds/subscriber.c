#include <inttypes.h>
#include <stdio.h>

#include "dds/dds.h"
#include "imu.h"

int main(void) {
  dds_entity_t participant = dds_create_participant(DDS_DOMAIN_DEFAULT, NULL, NULL);
  dds_entity_t topic = dds_create_topic(participant, &sensors_Imu_desc, "imu_raw", NULL, NULL);
  dds_qos_t* qos = dds_create_qos();
  dds_qset_reliability(qos, DDS_RELIABILITY_BEST_EFFORT, 0);
  dds_qset_history(qos, DDS_HISTORY_KEEP_LAST, 8);
  dds_entity_t reader = dds_create_reader(participant, topic, qos, NULL);
  dds_delete_qos(qos);
  if (reader < 0) return 1;
  dds_entity_t condition = dds_create_readcondition(reader, DDS_ANY_STATE);
  dds_entity_t waitset = dds_create_waitset(participant);
  dds_waitset_attach(waitset, condition, 0);
  for (int printed = 0; printed < 10 && dds_waitset_wait(waitset, NULL, 0, DDS_SECS(10)) > 0;) {
    void* samples[8] = {NULL};
    dds_sample_info_t infos[8];
    int taken = dds_take(reader, samples, infos, 8, 8);
    for (int i = 0; i < taken; ++i) {
      if (!infos[i].valid_data) continue;
      const sensors_Imu* imu = samples[i];
      printf("%s %" PRId64 " %g\n", imu->frame, imu->stamp_ns, imu->accel[2]);
      ++printed;
    }
    dds_return_loan(reader, samples, taken);
  }
  dds_delete(participant);
  return 0;
}
