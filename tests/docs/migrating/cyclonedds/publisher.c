#include <stdio.h>

#include "dds/dds.h"
#include "imu.h"

int main(void) {
  dds_entity_t participant = dds_create_participant(DDS_DOMAIN_DEFAULT, NULL, NULL);
  dds_entity_t topic = dds_create_topic(participant, &sensors_Imu_desc, "imu_raw", NULL, NULL);
  dds_qos_t* qos = dds_create_qos();
  dds_qset_reliability(qos, DDS_RELIABILITY_BEST_EFFORT, 0);
  dds_qset_history(qos, DDS_HISTORY_KEEP_LAST, 8);
  dds_entity_t writer = dds_create_writer(participant, topic, qos, NULL);
  dds_delete_qos(qos);
  if (writer < 0) return 1;
  for (int i = 0; i < 500; ++i) {
    sensors_Imu imu = {.stamp_ns = dds_time(), .accel = {0, 0, 9.81}};
    snprintf(imu.frame, sizeof(imu.frame), "imu_link");
    dds_write(writer, &imu);
    dds_sleepfor(DDS_MSECS(10));
  }
  dds_delete(participant);
  return 0;
}
